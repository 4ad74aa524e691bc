"""One run of several: each trial keeps the machine that measured it, and no ratio is taken over two machines."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from gradsuite import __version__
from gradsuite.errors import UserError
from gradsuite.runs.database import FILE
from gradsuite.runs.formats import MEASURED, TRIAL_COLUMNS
from gradsuite.runs.machines import machine_name, same
from gradsuite.runs.meta import now
from gradsuite.runs.outcome import Stored
from gradsuite.runs.store import Run, readable

ONE_TRIAL = ["experiment", "backend", "device", "settings", "machine"]
TOLD = ("started", "finished", "gradsuite", "preset", "settings", "configuration")  # of each run, by the merged one


@dataclass(slots=True)
class Machines:
    """The machines of several runs, each once, by a name of its own."""

    facts: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def name(self, facts: Mapping[str, Any], run: str) -> str:
        """Return the name of the machine with these facts, a new one unless one that is known is the same."""
        for known, its in self.facts.items():
            if same(facts, its):
                return known
        name = distinct(machine_name(facts, run if not facts.get("mark") else ""), self.facts)
        self.facts[name] = facts
        return name


@dataclass(frozen=True, slots=True)
class Part:
    """One of the runs: its name and its machine's in the merged run, and what it says of itself."""

    source: Run
    name: str
    machine: str
    meta: Mapping[str, Any]

    @property
    def started(self) -> str:
        """When it was begun, as text that is in order of time."""
        return str(self.meta.get("started", ""))

    def trials(self) -> pd.DataFrame:
        """Return its trials, as the merged run has them; `part` and `started` say whose they are."""
        return self.source.trials().assign(machine=self.machine, run=self.name, part=self.name, started=self.started)

    def measured(self, kept: pd.DataFrame) -> Iterator[Stored]:
        """Yield those of its trials that are kept, with what was measured."""
        rows = self.source.measurements()
        rows = rows[rows["metric"].notna()]
        texts = rows[list(MEASURED)].astype(object)
        by_key = dict(list(texts.where(texts.notna(), None).groupby(rows["key"], sort=False)))
        for trial in kept.loc[kept["part"] == self.name, list(TRIAL_COLUMNS)].itertuples(index=False):
            found = by_key.get(trial.key)
            yield Stored(tuple(trial), () if found is None else found.itertuples(index=False, name=None))


def merge(runs: Sequence[Run], folder: str | Path) -> tuple[Run, int]:
    """Put these runs into a new one, and return it with the number of trials that another took the place of.

    Of one trial that was measured twice on one machine, a result that is `ok` counts before one that is not, then the
    one of the run that was started last. Claims stay as they were judged. Raises UserError for fewer than two runs, for
    one given twice or merged already, and for a folder that has a run or cannot be written.
    """
    places = [run.path.resolve() for run in runs]
    if len(set(places)) < max(len(places), 2):
        raise UserError("merge takes two runs or more, each once: gradsuite merge RUN RUN --out DIR")
    for run in runs:
        if run.merged and "runs" not in run.meta:
            raise UserError(f"{str(run.path)!r} was measured by several machines: merge takes runs of one machine each")
        if run.merged:
            raise UserError(
                f"{str(run.path)!r} was merged already: type the runs instead, {', '.join(run.meta['runs'])}"
            )
    if (Path(folder) / FILE).exists():
        raise UserError(f"{str(folder)!r} has a run already: choose another folder with --out")
    machines = Machines()
    parts = sorted(parts_of(runs, machines), key=lambda part: part.started)
    every = pd.concat([part.trials() for part in parts], ignore_index=True)
    every = every.assign(measured=every["status"] == "ok").sort_values(["measured", "started"], kind="stable")
    kept = every.drop_duplicates(ONE_TRIAL, keep="last").sort_index()
    if (twice := kept[kept.duplicated(["key", "machine"])])["key"].size:
        raise UserError(
            f"{twice['run'].iloc[0]!r} is damaged: a trial in it has the key of another, {twice['key'].iloc[0]}"
        )
    made = Run.create(folder, meta(parts, machines))
    made.take(taken for part in parts for taken in part.measured(kept))
    for part in parts:
        target = made.part(part.machine)
        for experiment in dict.fromkeys(part.source.claims()["experiment"]):
            target.keep_claims(experiment, part.source.claims_of(experiment))
    return made, len(every) - len(kept)


def parts_of(runs: Sequence[Run], machines: Machines) -> Iterator[Part]:
    """Yield each run under a name of its own."""
    names: list[str] = []
    for run in runs:
        names.append(distinct(readable(run.path.resolve().name), names))
        about = run.meta
        yield Part(run, names[-1], machines.name(about.get("machine", {}), names[-1]), about)


def meta(parts: Sequence[Part], machines: Machines) -> dict[str, Any]:
    """Return what is to be said of all runs together, and of each."""
    every = [part.meta for part in parts]

    def joined(name: str) -> dict[str, Any]:
        return {key: value for one in every for key, value in one.get(name, {}).items()}

    backends = joined("backends")
    lost = {one["name"]: one for run in every for one in run.get("unavailable", ()) if one["name"] not in backends}
    blocked = {name for one in every for name in one.get("configuration", {}).get("no-plugin", ())}
    return {
        "gradsuite": __version__,
        "machines": machines.facts,
        "runs": {part.name: told(part) for part in parts},
        "configuration": {"no-plugin": sorted(blocked), "tuned": bool(joined("tuned"))},
        "experiments": list(dict.fromkeys(name for one in every for name in one.get("experiments", ()))),
        "preset": together(one.get("preset") for one in every),
        "device": together(one.get("device") for one in every),
        "settings": {},
        "data": joined("data"),
        "backends": backends,
        "unavailable": list(lost.values()),
        "tuned": joined("tuned"),
        "preflight": joined("preflight"),
        "started": min(part.started for part in parts),
        "finished": now(),
    }


def told(part: Part) -> dict[str, Any]:
    """Return what is to be said of one run alone."""
    versions = {name: info["versions"] for name, info in part.meta.get("backends", {}).items()}
    return {key: part.meta[key] for key in TOLD if key in part.meta} | {"machine": part.machine, "backends": versions}


def together(values: Iterable[Any]) -> str:
    """Return several words as one text, each once."""
    return ", ".join(dict.fromkeys(str(value) for value in values if value))


def distinct(name: str, taken: Sequence[str] | Mapping[str, Any]) -> str:
    """Return the name, with a number if another has it."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} #{number}"
    return free
