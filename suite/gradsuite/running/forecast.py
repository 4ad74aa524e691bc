"""What a run would measure and how long it would take, as far as former runs tell."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import Any

from gradsuite.errors import UserError
from gradsuite.experiment import Trial
from gradsuite.running import plan
from gradsuite.running.executors import open_executor
from gradsuite.running.job import Job
from gradsuite.running.keys import Identity, identity, missing
from gradsuite.running.room import Fit, Room
from gradsuite.runs.database import FILE
from gradsuite.runs.store import Run

FORMER = 10  # runs that are looked into, the newest first
SAME = ("cpu", "cores", "threads")  # facts that make two machines alike enough for a forecast


@dataclass(slots=True)
class Former:
    """What former runs tell: seconds of each trial that was `ok`, the newest run's; and which runs they are."""

    seconds: dict[Identity, float] = field(default_factory=dict)
    source: dict[Identity, str] = field(default_factory=dict)
    elsewhere: dict[str, str] = field(default_factory=dict)  # runs of another machine, and which one that is
    pace: dict[str, float] = field(default_factory=dict)  # wall time of a run over what its trials took, if it is known

    def add(self, run: Run, machine: Mapping[str, Any]) -> None:
        """Take what this run has and no newer one."""
        meta, trials = run.meta, run.trials()
        theirs = meta.get("machine", {})
        if any(theirs.get(fact) != machine.get(fact) for fact in SAME):
            self.elsewhere[str(run.path)] = f"{theirs.get('cpu')}, {theirs.get('cores')} cores"
        for row in trials[trials["status"] == "ok"].to_dict("records"):
            identity = (row["experiment"], row["backend"], row["device"], row["settings"])
            if identity not in self.seconds:
                self.seconds[identity], self.source[identity] = row["seconds"], str(run.path)
        if "finished" in meta and "started" in meta and "resumed" not in meta and trials["seconds"].sum() > 0:
            wall = datetime.fromisoformat(meta["finished"]) - datetime.fromisoformat(meta["started"])
            self.pace[str(run.path)] = wall.total_seconds() / trials["seconds"].sum()


@dataclass(frozen=True, slots=True)
class Part:
    """The trials of one experiment on one backend: how many are to measure and how long they take, None if unknown."""

    experiment: str
    backend: str
    trials: int
    unsupported: int
    invalid: int  # those that need more memory than there is
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What would run, and how long: `sources` count the trials by where their seconds are from, `unknown` have none."""

    parts: list[Part]
    misfits: dict[str, int]  # why trials would not be tried for their size, and how many
    unavailable: list[str]
    sources: dict[str, int]
    alike: int  # trials that are taken to be as long as others of their experiment were, at other settings
    unknown: int
    pace: float | None  # what former runs took in all for each second of their trials, None if none tells
    elsewhere: dict[str, str]

    @property
    def trials(self) -> int:
        """How many trials would be measured."""
        return sum(part.trials for part in self.parts)

    @property
    def seconds(self) -> float | None:
        """How long those of known length would take, None if that is none."""
        known = [part.seconds for part in self.parts if part.seconds is not None]
        return sum(known) * (self.pace or 1.0) if known else None


def forecast(job: Job, unfinished: Run | None) -> Forecast:
    """Return what this job would measure: of an unfinished run, what it lacks. Raises UserError as a run does."""
    with open_executor(job.configuration, job.plugins, job.machine) as executor:
        availability = job.survey(executor)
        fit = Fit(job.study.experiments, executor.room())
    backends = availability.available
    planned = job.planned(backends)
    if unfinished:
        doubted = unfinished.meta.get("doubted", ())
        keys, before = job.keys(backends), Room.stored(unfinished.meta)
        stored = fit.reconsidered(unfinished.statuses(), chain.from_iterable(planned), keys, before)
        planned = missing(planned, stored, keys, doubted)
    trials = list(chain.from_iterable(planned))
    refused = {identity(one) for one in trials if plan.refusal(backends[one.backend], one.device, one.settings)}
    former = look_back(Path(job.configuration.out), job.machine)
    misfits = {identity(one): lost for one in trials if identity(one) not in refused and (lost := fit.result(one))}
    wanted = [one for one in trials if identity(one) not in refused | misfits.keys()]
    sources = Counter(former.source[identity(one)] for one in wanted if identity(one) in former.source)
    lengths = lengths_of(wanted, former)
    return Forecast(
        parts=list(parts(trials, refused, misfits, lengths)),
        misfits=dict(Counter(lost.reason for lost in misfits.values())),
        unavailable=list(map(str, availability.unavailable)),
        sources=dict(sources),
        alike=sum(value is not None for value in lengths.values()) - sources.total(),
        unknown=sum(value is None for value in lengths.values()),
        pace=fmean(former.pace.values()) if former.pace else None,
        elsewhere=former.elsewhere,
    )


def look_back(folder: Path, machine: Mapping[str, Any]) -> Former:
    """Return what the newest runs in a folder tell; one that cannot be read tells nothing."""
    former = Former()
    files = sorted(folder.glob(f"*/{FILE}"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in {path.resolve(): path for path in files[:FORMER]}.values():
        try:
            former.add(Run.open(path.parent), machine)
        except UserError:
            continue
    return former


def lengths_of(trials: Iterable[Trial], former: Former) -> dict[Identity, float | None]:
    """Return each trial's seconds: its own, or the mean of others of its experiment, of its backend if there are."""
    known: dict[tuple[str, str], list[float]] = {}
    for (experiment, backend, _, _), seconds in former.seconds.items():
        for group in ((experiment, backend), (experiment, "")):
            known.setdefault(group, []).append(seconds)
    means = {group: fmean(seconds) for group, seconds in known.items()}
    return {
        identity(one): former.seconds.get(
            identity(one), means.get((one.experiment, one.backend), means.get((one.experiment, "")))
        )
        for one in trials
    }


def parts(
    trials: Iterable[Trial],
    refused: Collection[Identity],
    misfits: Collection[Identity],
    lengths: Mapping[Identity, float | None],
) -> Iterator[Part]:
    """Yield the trials by experiment and backend, in the order in which they come."""
    together: dict[tuple[str, str], list[Identity]] = {}
    for one in trials:
        together.setdefault((one.experiment, one.backend), []).append(identity(one))
    for (experiment, backend), alike in together.items():
        unsupported, invalid = (sum(one in some for one in alike) for some in (refused, misfits))
        known = [seconds for one in alike if (seconds := lengths.get(one)) is not None]
        left = len(alike) - unsupported - invalid
        yield Part(experiment, backend, left, unsupported, invalid, sum(known) if known else None)
