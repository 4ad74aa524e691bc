"""Backends as they were timed at one workload: medians with intervals, and ratios to the fastest."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from gradsuite.measuring.intervals import median_interval
from gradsuite.rows import Measurement
from gradsuite.runs.ratios import Difference, Ratio, ratios, shortness
from gradsuite.runs.workloads import LEAST, Sampled, Workload, centre


@dataclass(frozen=True, slots=True)
class Timed:
    """One backend's answer: the median seconds of a call with its interval, and how many times the fastest's it is.

    `ratio` has the interval of that: none of the fastest, nor where there are too few rounds for one.
    """

    backend: str
    median: float
    low: float
    high: float
    rounds: int
    disturbed: float
    times: float
    ratio: Ratio | None

    @property
    def is_close(self) -> bool:
        """Whether it may be as fast as the fastest."""
        return self.ratio is None or self.ratio.verdict == "no difference"


def samples(rows: Iterable[Measurement], metric: str) -> Sampled:
    """Return the samples among one trial's measurements."""
    rows = [row for row in rows if row.metric == metric and row.value > 0]
    return Sampled(
        np.array([row.index or 0 for row in rows], dtype=int),
        np.log([row.value for row in rows]),
        np.array([row.note != "" for row in rows], dtype=bool),
        rows[0].unit if rows else "s",
    )


def ranking(sampled: Mapping[str, Sampled], noise: float) -> list[Timed]:
    """Return the backends by their median times, each with its ratio to the fastest, paired round by round.

    `noise` is what is assumed of this machine's, relative.
    """
    order = sorted(sampled, key=lambda name: float(np.median(sampled[name].used)))
    fastest = sampled[order[0]]
    differences: dict[Workload, Difference] = {}
    for name in order[1:]:
        one = centre(sampled[name].over(fastest).used)
        if one.count >= LEAST:
            short = shortness(sampled[name], fastest)
            differences[Workload("", name, "", "{}", "")] = Difference(one.value, (one.error,), (one.count,), short)
    found = ratios(differences, spread=False, assumed=noise)
    by_name = {one.what.backend: one for one in found.workloads if isinstance(one.what, Workload)}
    timed = []
    for name in order:
        interval = median_interval(np.exp(sampled[name].used))
        numbers = (interval.median, interval.low, interval.high, len(sampled[name].logs))
        ratio = by_name.get(name)
        times = ratio.ratio if ratio else float(np.exp(np.median(sampled[name].used) - np.median(fastest.used)))
        timed.append(Timed(name, *numbers, sampled[name].share_disturbed, times, ratio))
    return timed
