"""Intervals of medians and of paired ratios, from order statistics: they need no distribution and no random numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Samples = Sequence[float] | np.ndarray


@dataclass(frozen=True, slots=True)
class Interval:
    """A median and the ends of its confidence interval."""

    median: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """How far the interval reaches to either side, on average."""
        return (self.high - self.low) / 2

    def covers(self, value: float) -> bool:
        """Whether a value lies within the interval."""
        return self.low <= value <= self.high


def median_interval(samples: Samples, *, confidence: float = 0.95) -> Interval:
    """Return the median and its interval from order statistics; NaN throughout where there are no samples.

    The k-th smallest and k-th largest of n samples enclose the median with probability P(k <= Binomial(n, 1/2) <= n-k),
    whatever the distribution. Between two k the ends are interpolated (Hettmansperger & Sheather 1986, Statistics &
    Probability Letters 4(2):75-79), where they "depend only slightly on the underlying distribution". Fewer than 6
    samples enclose the median with less than 95% even from the least to the greatest, which is then the interval: 5
    with 94%.
    """
    x = np.sort(np.asarray(samples, dtype=np.float64))
    n = x.size
    if n == 0:
        return Interval(np.nan, np.nan, np.nan)
    k = next(k for k in range(1, n + 1) if enclosed(n, k + 1) < confidence)
    excess = enclosed(n, k) - confidence
    inwards = 0.0  # how far the ends lie from the k-th sample to the next one inwards
    if excess > 0:
        part = excess / (enclosed(n, k) - enclosed(n, k + 1))
        inwards = (n - k) * part / (k + (n - 2 * k) * part)
    low, high = np.interp([k - 1 + inwards, n - k - inwards], np.arange(n), x)
    return Interval(float(np.median(x)), float(low), float(high))


def enclosed(n: int, k: int) -> float:
    """Return the probability that the k-th smallest and k-th largest of n samples enclose the median."""
    return max(0.0, 1 - 2 * sum(math.comb(n, j) for j in range(k)) / 2**n) if 2 * k <= n else 0.0


def ratio_interval(samples: Samples, others: Samples, *, confidence: float = 0.95) -> Interval:
    """Return the median of the paired ratios samples / others and its interval; pairs were taken in one round.

    What slows a round slows both of its samples, and so cancels.
    """
    return median_interval(np.divide(samples, others), confidence=confidence)
