"""What a reader has to know of a run: what was asked, on which machine, with which versions, and what went wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from gradsuite.experiment import STATUSES
from gradsuite.report.palette import backend_order
from gradsuite.settings import settings_label

EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """Trials that failed alike: how many, of which experiment and backend, why, and settings of the first few."""

    status: str
    experiment: str
    backend: str
    reason: str
    count: int
    examples: list[str]
    stderr: str


def problems(trials: pd.DataFrame) -> list[Problem]:
    """Return all trials that are not `ok`, grouped, errors first."""
    failed = trials[trials["status"] != "ok"]
    grouped = failed.groupby(["status", "experiment", "backend", "reason"], sort=False)
    kinds = [
        Problem(*map(str, key), len(alike), examples(alike["settings"]), next(filter(None, alike["stderr"]), ""))  # type: ignore[call-arg, arg-type]
        for key, alike in grouped
    ]
    worst = list(reversed(STATUSES))
    return sorted(kinds, key=lambda problem: (worst.index(problem.status), -problem.count))


def examples(settings: pd.Series) -> list[str]:
    """Return the settings of the first few trials, each in one line."""
    import json

    return [settings_label(json.loads(text)) for text in settings.iloc[:EXAMPLES]]


def versions(backends: Mapping[str, Any]) -> list[tuple[str, str, str, list[str]]]:
    """Return each backend with its versions, its devices and dtypes, and the libraries that it computes with."""
    return [
        (
            name,
            ", ".join(f"{package} {version}" for package, version in backends[name]["versions"].items()),
            f"{', '.join(backends[name]['devices'])}; {', '.join(backends[name]['dtypes'])}",
            backends[name].get("libraries", []),
        )
        for name in backend_order(list(backends))
    ]


def tuned_with(meta: Mapping[str, Any]) -> str:
    """Return what `--tuned` changed, or an empty text where it was not asked for."""
    if not meta.get("configuration", {}).get("tuned"):
        return ""
    changes = [f"{name} with {settings_label(variables)}" for name, variables in meta["tuned"].items()]
    return "; ".join(changes) or "nothing: no plugin knows of anything faster than the default here"


def machine(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return the machine's facts as text, by name; those that are not known are left out."""
    texts = {name: fact(name, value) for name, value in facts.items()}
    return {name: text for name, text in texts.items() if text}


def fact(name: str, value: Any) -> str:
    """Return one fact as text."""
    if isinstance(value, Mapping):
        return settings_label(value)
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    if name == "memory" and isinstance(value, int):
        return f"{value / 2**30:.1f} GiB"
    return "" if value is None else str(value)


def duration(meta: Mapping[str, Any]) -> str:
    """Return how long the run took, or an empty text if it has not ended, was resumed in between or merged."""
    if "finished" not in meta or "started" not in meta or "resumed" in meta or "machines" in meta:
        return ""
    seconds = (datetime.fromisoformat(meta["finished"]) - datetime.fromisoformat(meta["started"])).total_seconds()
    return f"{seconds / 60:.1f} minutes" if seconds >= 90 else f"{seconds:.0f} s"


def measured_on(meta: Mapping[str, Any]) -> str:
    """Return on which machine, or machines of a merged run, and in how long; an empty text where no one knows."""
    if names := list(meta.get("machines", {})):
        return f"Measured on {len(names)} machines, which no ratio is taken across: {'; '.join(names)}."
    known = meta.get("machine", {})
    if not known.get("cpu"):
        return ""
    cores, took = known.get("cores"), duration(meta)
    parts = [f"{cores} core{'' if cores == 1 else 's'}"] if cores else []
    parts += [f"{known['threads']} threads a worker"] if known.get("threads", cores) != cores else []
    return f"Measured on {', '.join([str(known['cpu']), *parts])}{f' in {took}' if took else ''}."
