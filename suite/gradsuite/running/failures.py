"""Which trials failed and why, in as few lines as there are reasons; and whether a run is a success."""

import json
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from gradsuite.experiment import STATUSES
from gradsuite.runs.store import Run
from gradsuite.settings import settings_label

if TYPE_CHECKING:
    import pandas as pd

FAILED = ("error", "timeout", "invalid")
TRIALS = 3  # named per reason
REASONS = 10  # said on a terminal: the report has them all


def failures(trials: "pd.DataFrame") -> list[str]:
    """Return one line per status and reason: how many trials on which backends, the reason, and the first of them.

    Of a run in which nothing was measured, what is unsupported is told too.
    """
    told = FAILED if (trials["status"] == "ok").any() else STATUSES
    failed = trials[trials["status"].isin(told)]
    varied = varied_settings(trials)
    lines = [
        f"{len(alike)} {status} on {', '.join(alike['backend'].unique())}: {reason} ({listed(alike, varied)})"
        for (status, reason), alike in failed.groupby(["status", "reason"], sort=False)
    ]
    more = len(lines) - REASONS
    return [*lines[:REASONS], *([f"and {more} more reasons: the report has them all"] if more > 0 else [])]


def shortcomings(run: Run, *, strict: bool) -> Iterator[str]:
    """Yield why a run that has come to its end is no success, in words; nothing if it is one.

    It must have measured something; and where one is `strict`, no claim may have failed, no gradients be wrong, and no
    trial have ended in an error or by its time limit.
    """
    trials = run.trials()
    if not (trials["status"] == "ok").any():
        yield "nothing was measured"
    if not strict:
        return
    for status in ("error", "timeout"):
        if count := int((trials["status"] == status).sum()):
            yield f"{count} {status}" + ("s" if count > 1 else "")
    if wrong := run.meta.get("preflight"):
        yield f"wrong gradients of {', '.join(wrong)}"
    if count := int((run.claims()["verdict"] == "fails").sum()):
        yield f"{count} failed claim" + ("s" if count > 1 else "")


def varied_settings(trials: "pd.DataFrame") -> set[tuple[str, str]]:
    """Return the settings that have more than one value in an experiment, each with its experiment."""
    seen: dict[tuple[str, str], set[str]] = {}
    for experiment, text in trials[["experiment", "settings"]].drop_duplicates().itertuples(index=False):
        for name, value in json.loads(text).items():
            seen.setdefault((experiment, name), set()).add(json.dumps(value))
    return {key for key, values in seen.items() if len(values) > 1}


def listed(trials: "pd.DataFrame", varied: Collection[tuple[str, str]]) -> str:
    """Return the first of these trials by what tells them apart, and how many there are beyond."""
    labels = []
    for experiment, text in trials[["experiment", "settings"]].drop_duplicates().itertuples(index=False):
        settings = {name: value for name, value in json.loads(text).items() if (experiment, name) in varied}
        labels.append(f"{experiment} {settings_label(settings)}".rstrip())
    different = list(dict.fromkeys(labels))
    more = f" and {len(different) - TRIALS} more" if len(different) > TRIALS else ""
    return ", ".join(different[:TRIALS]) + more
