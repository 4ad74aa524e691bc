"""Which backend is fastest at what: a matrix of backends and kinds of workload, and what may be concluded from it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from gradsuite.experiment import Answer, Table
from gradsuite.measuring.intervals import Interval, median_interval
from gradsuite.report.palette import backend_order
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import listed
from gradsuite_experiments.speed.findings import disturbances, labelled, rounds, unstable
from gradsuite_experiments.speed.metrics import STEP


@dataclass(frozen=True, slots=True)
class Race:
    """One kind of workload: each backend's time over the fastest one's, the geometric mean over workloads.

    `settled` is false where most samples of every workload were disturbed: then nothing is called fastest.
    """

    kind: str
    fastest: str
    ratios: Mapping[str, Interval]
    workloads: int
    settled: bool

    @property
    def close(self) -> list[str]:
        """The backends whose interval does not tell them from the fastest."""
        return [name for name, ratio in self.ratios.items() if name != self.fastest and ratio.low <= 1.0]

    def entry(self, backend: str) -> str:
        """Return what the matrix says of a backend: a ratio with its interval, and whether it is too close to call."""
        if backend not in self.ratios:
            return "-"
        ratio = self.ratios[backend]
        if backend == self.fastest:
            return "1" if not self.settled else "1, too close to call" if self.close else "fastest"
        close = ", too close to call" if self.settled and backend in self.close else ""
        return f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f}){close}"


def answers(rows: pd.DataFrame) -> Iterator[Answer]:
    """Yield who is fastest at whole steps, with the matrix, and how many samples were disturbed."""
    races = list(of_kinds(rows))
    if races:
        yield Answer(Topic.SPEED, " ".join(verdicts(races)), matrix(races))
    for sentence in disturbances(rows):
        yield Answer(Topic.TRUST, sentence)
        break


def of_kinds(rows: pd.DataFrame) -> Iterator[Race]:
    """Yield a race for each cell that two backends or more have run the same workloads of."""
    named = labelled(rows)
    if named.empty:
        return
    shaky, samples = unstable(named), dict(rounds(rows, STEP))
    for cell, of_cell in named.groupby("cell", sort=False):
        every = [(name, samples[name]) for name in of_cell["label"].unique() if name in samples]
        every = [(name, found) for name, found in every if found.shape[1] > 1]
        steady = [(name, found) for name, found in every if not any(f"{name} on {one}" in shaky for one in found)]
        if every:
            yield race(str(cell), [found for _, found in steady or every], settled=bool(steady))


def race(kind: str, workloads: Sequence[pd.DataFrame], *, settled: bool) -> Race:
    """Return the race of these workloads' samples, a row per round and a column per backend.

    A round's ratio is the geometric mean of its ratios in all workloads, so that each workload counts alike and what
    slows a round cancels; of workloads with different rounds, each in its own order, as many count as all have.
    """
    backends = [name for name in workloads[0] if all(name in found for found in workloads)]
    count = min(len(found) for found in workloads)
    logs = sum(np.log(found[backends].to_numpy()[:count]) for found in workloads) / len(workloads)
    fastest = int(np.median(logs, axis=0).argmin())
    ratios = np.exp(logs - logs[:, [fastest]])
    intervals = {str(name): median_interval(ratios[:, k]) for k, name in enumerate(backends)}
    return Race(kind, str(backends[fastest]), intervals, len(workloads), settled)


def verdicts(races: Sequence[Race]) -> Iterator[str]:
    """Yield who is fastest at which kinds, where it is too close to call, and where nothing can be said."""
    wins: dict[str, list[str]] = {}
    for one in races:
        if one.settled and not one.close:
            wins.setdefault(one.fastest, []).append(one.kind)
    parts = [f"{name} for {listed(wins[name])}" for name in backend_order(list(wins))]
    if parts:
        yield f"A step of training is fastest with {listed(parts)}."
    tied = {one.kind: backend_order([one.fastest, *one.close]) for one in races if one.settled and one.close}
    close = [f"{kind} ({listed(names)})" for kind, names in tied.items()]
    if close:
        yield f"Too close to call: {listed(close)}."
    shaken = [one.kind for one in races if not one.settled]
    if shaken:
        yield (
            f"Nothing is called fastest for {listed(shaken)}: most samples of every workload were disturbed, and the "
            "ratios below are what was seen all the same."
        )


def matrix(races: Sequence[Race]) -> Table:
    """Return the matrix: a row per kind of workload, a column per backend."""
    backends = backend_order([name for one in races for name in one.ratios])
    lines = [{"cell": one.kind, **{name: one.entry(name) for name in backends}} for one in races]
    caption = (
        "Time of a whole step over that of the fastest backend, with its 95% interval: the geometric mean over the "
        "workloads of a kind, paired round by round."
    )
    return Table("Time over the fastest, by kind of workload", caption, pd.DataFrame(lines))
