"""Timing a call that an expert would sign: the first call apart, warmed up until steady, long enough for the timer.

Two traps are closed here: every sample ends with `synchronize`, and no sample contains a first call.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradsuite.measuring.contention import Conditions, Watch
from gradsuite.measuring.pace import SLOW_PACE, Pace

Prepare = Callable[[], Any]
Samples = Sequence[float] | np.ndarray
# A sample lasts at least this long: a thousand times the cost of reading the clock and of watching the machine.
SAMPLE_SECONDS = 0.02
# Warm-up ends when the fastest of the last calls is no faster than the fastest before them, within this share.
STEADY_SHARE = 0.05
STEADY_CALLS = 3
WARM_UP_SECONDS = 2.0
SLOWED = "the core ran far below its pace, as when somebody whom this system does not see computes on it"
REST = 0.05  # seconds before a disturbed sample is taken again: what slows a core lasts as long and longer
# Half as many calls as a sample has, and one at least, run before its clock starts: others have had the caches since,
# and of several cores `PACE` wakes but one. Ten products of 512 units, 17 ms on two cores, else take 19 to 22.
WARM_SHARE = 0.5
PACE = Pace()


@dataclass(frozen=True, slots=True)
class Sample:
    """Seconds of one call, averaged over `repetitions` in a row, and the conditions they ran under.

    `pace` is the lesser of its core's before and after, as a share of the fastest that it has been in this process.
    """

    seconds: float
    repetitions: int
    conditions: Conditions
    pace: float

    def disturbance(self) -> str | None:
        """Return what disturbed this sample, in words, or None."""
        if reason := self.conditions.disturbance():
            return reason
        return SLOWED if self.pace < SLOW_PACE else None


class Budget:
    """Seconds for taking disturbed samples again: a fifth of what all samples have taken, and .1 to begin with."""

    def __init__(self) -> None:
        self.left = 0.1

    def earn(self, seconds: float) -> None:
        """Have more of it, for samples that took so many seconds."""
        self.left += 0.2 * seconds

    def spend(self, seconds: float) -> None:
        """Have less of it."""
        self.left -= seconds


class Timer:
    """Times one call over and over; `synchronize` returns when the device is idle.

    `call` is given what `prepare` returns, made anew for each call and before the clock starts.
    """

    def __init__(
        self,
        call: Callable[[Any], object],
        synchronize: Callable[[], object],
        *,
        prepare: Prepare = lambda: None,
        sample_seconds: float = SAMPLE_SECONDS,
    ) -> None:
        """Nothing is called before `first`."""
        self.call = call
        self.synchronize = synchronize
        self.prepare = prepare
        self.sample_seconds = sample_seconds
        self.repetitions = 1

    def first(self) -> float:
        """Return the seconds of the first call, which compiles, allocates and fills caches."""
        return self._seconds(1)

    def warm_up(self) -> int:
        """Call until steady, then choose the repetitions of a sample; return how many calls it took.

        Steady means that three calls in a row bring nothing faster than 5% below the fastest before them; after two
        seconds it is called steady all the same, for a call that long has been warm since its first.
        """
        began, calls, fastest = time.perf_counter(), 0, float("inf")
        while True:
            latest = min(self._seconds(1) for _ in range(STEADY_CALLS))
            calls += STEADY_CALLS
            if latest > (1 - STEADY_SHARE) * fastest or time.perf_counter() - began > WARM_UP_SECONDS:
                break
            fastest = min(fastest, latest)
        self.repetitions = self._enough(min(fastest, latest))
        return calls

    def sample(self, budget: Budget | None = None) -> Sample:
        """Return one sample, taken again while something disturbs it and the budget lasts; the last one stands."""
        began = time.perf_counter()
        sample = self._sample()
        if budget:
            budget.earn(time.perf_counter() - began)
        while budget and budget.left > 0 and sample.disturbance():
            began = time.perf_counter()
            time.sleep(REST)
            sample = self._sample()
            budget.spend(time.perf_counter() - began)
        return sample

    def _sample(self) -> Sample:
        pace = PACE.now()  # which wakes the core, too
        for _ in range(max(1, int(WARM_SHARE * self.repetitions))):
            self.call(self.prepare())
        watch = Watch()
        repetitions = self.repetitions
        seconds = self._seconds(repetitions) / repetitions
        self.repetitions = max(repetitions, self._enough(seconds))  # where the warm-up was slowed they were too few
        return Sample(seconds, repetitions, watch.stop(), min(pace, PACE.now()))

    def _enough(self, seconds: float) -> int:
        """Return how many calls of so many seconds make a sample."""
        return max(1, int(np.ceil(self.sample_seconds / seconds)))

    def _seconds(self, repetitions: int) -> float:
        prepared = [self.prepare() for _ in range(repetitions)]
        self.synchronize()
        began = time.perf_counter()
        for argument in prepared:
            self.call(argument)
        self.synchronize()
        return time.perf_counter() - began


@dataclass(frozen=True, slots=True)
class Interval:
    """A median and the ends of its confidence interval."""

    median: float
    low: float
    high: float

    def covers(self, value: float) -> bool:
        """Whether a value lies within the interval."""
        return self.low <= value <= self.high


def median_interval(samples: Samples, *, confidence: float = 0.95) -> Interval:
    """Return the median and its interval from order statistics: no distribution is assumed, and chance has no part.

    The k-th smallest and k-th largest of n samples enclose the median with probability P(k <= Binomial(n, 1/2) <= n-k)
    exactly; between two k the ends are interpolated (Hettmansperger & Sheather 1986). Fewer than 6 samples enclose it
    with less than 95% even from the least to the greatest, which is what they get: 5 with 94%. NaN throughout where
    there are no samples.
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
