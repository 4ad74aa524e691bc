"""What rates of matrix products amount to: the best of each backend, and what subnormal numbers cost."""

from collections.abc import Iterator

import pandas as pd
from gradsuite.measuring.gemm import NORMAL, NUMBERS, RATE, SUBNORMAL
from gradsuite.measuring.intervals import median_interval

from gradsuite_experiments.common.frames import where

KINDS = ["backend", "numbers", "size"]


def rates(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the median rate with its interval (FLOP/s) for each backend, kind of numbers and size."""
    lines = []
    for kind, samples in where(rows, metric=RATE).groupby(KINDS):
        interval = median_interval(samples["value"].to_numpy(float))
        lines.append((*kind, interval.median, interval.low, interval.high))
    return pd.DataFrame(lines, columns=[*KINDS, "rate", "low", "high"])


def best_rates(rows: pd.DataFrame) -> Iterator[str]:
    """Yield each backend's best rate and its share of the best of all, the fastest backend first."""
    normal = where(rates(rows), numbers=NORMAL).sort_values("rate", ascending=False).drop_duplicates("backend")
    for backend, rate, size in zip(normal["backend"], normal["rate"], normal["size"], strict=True):
        share = rate / normal["rate"].iloc[0]
        yield f"{backend} reaches {rate / 1e9:.3g} GFLOP/s at size {size}, {share:.0%} of the best."


def subnormal_costs(rows: pd.DataFrame) -> Iterator[str]:
    """Yield how many times as long products take where one factor is subnormal."""
    for (backend, size), both in rates(rows).groupby(["backend", "size"], sort=False):
        rate = both.set_index("numbers")["rate"]
        if len(rate) == len(NUMBERS):
            cost = rate[NORMAL] / rate[SUBNORMAL]
            yield f"{backend}'s products take {cost:.3g} times as long at size {size} where one factor is subnormal."
