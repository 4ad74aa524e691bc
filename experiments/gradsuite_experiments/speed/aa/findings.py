"""What a backend's ratios to itself amount to."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from gradsuite.alias import twin
from gradsuite.measuring.intervals import Interval, ratio_interval

from gradsuite_experiments.speed.findings import disturbances, marked, undisturbed
from gradsuite_experiments.speed.metrics import GRADIENT


def pairs(rows: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame, pd.DataFrame]]:
    """Yield each backend and workload with the samples of its two workers, and whether each was disturbed."""
    for workload, samples, marks in marked(rows, GRADIENT):
        for backend in (str(name) for name in samples if twin(str(name)) in samples):
            workers = [backend, twin(backend)]
            yield backend, workload, samples[workers], marks[workers]


def comparisons(rows: pd.DataFrame) -> Iterator[tuple[str, str, list[Interval]]]:
    """Yield each backend and workload with the ratio to itself in every comparison."""
    for backend, workload, samples, marks in pairs(rows):
        numbers = samples.index.get_level_values("index") // int(rows["rounds"].iloc[0])
        blocks = (undisturbed(block, marks.loc[block.index]) for _, block in samples.groupby(numbers))
        yield backend, workload, [ratio_interval(*block.to_numpy().T) for block in blocks if len(block)]


def lasting(rows: pd.DataFrame) -> Iterator[tuple[str, str, Interval]]:
    """Yield each backend and workload with the ratio to itself over the rounds of all comparisons."""
    for backend, workload, samples, marks in pairs(rows):
        yield backend, workload, ratio_interval(*undisturbed(samples, marks).to_numpy().T)


def covering(intervals: Sequence[Interval]) -> float:
    """Return the share of the intervals that cover 1."""
    return float(np.mean([interval.covers(1.0) for interval in intervals]))


def half_width(intervals: Sequence[Interval]) -> float:
    """Return the median of how far the intervals reach to either side."""
    return float(np.median([interval.half_width for interval in intervals]))


def sentences(rows: pd.DataFrame) -> Iterator[str]:
    """Yield how often the intervals of each backend cover 1, how wide they are, and what was disturbed."""
    for backend, workload, intervals in comparisons(rows):
        covered = sum(interval.covers(1.0) for interval in intervals)
        yield (
            f"{backend} against itself ({workload}): {covered} of {len(intervals)} intervals cover 1; half of them "
            f"reach at most {half_width(intervals):.1%} to either side."
        )
    for backend, workload, ratio in lasting(rows):
        if not ratio.covers(1.0):
            yield (
                f"{backend} against itself ({workload}): over all comparisons one worker takes {ratio.median:.3f} "
                f"({ratio.low:.3f} to {ratio.high:.3f}) times as long as the other. Both compute the same: such a "
                "difference lasts as long as the two processes do, and a difference no larger than this between two "
                "backends means nothing."
            )
    yield from disturbances(rows)
