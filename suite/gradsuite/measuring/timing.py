"""Timing a call that an expert would sign: the first call apart, warmed up until steady, long enough for the timer.

Two traps are closed here: every sample ends with `synchronize`, and no sample contains a first call.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradsuite.measuring.contention import Conditions, Watch
from gradsuite.measuring.pace import SLOW_PACE, Pace

Prepare = Callable[[], Any]
# A sample lasts at least this long: a thousand times the cost of reading the clock and of watching the machine.
SAMPLE_SECONDS = 0.02
# Warm-up ends when the fastest of the last calls is no faster than the fastest before them, within this share.
STEADY_SHARE = 0.05
STEADY_CALLS = 3
WARM_UP_SECONDS = 2.0
SLOWED = "the core ran far below its pace, as when another virtual machine computes on it"
REST = 0.05  # seconds before a disturbed sample is taken again: what slows a core lasts as long and longer
# Half as many calls as a sample has, and one at least, run before its clock starts: others have had the caches since,
# and of several cores `PACE` wakes but one. Ten products of 512 units, 17 ms on two cores, else take 19 to 22.
WARM_SHARE = 0.5
# A call this long pays for waking the cores itself, a hundred times over: none is run before the clock starts.
LONG_CALL = 0.5
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
        """Have more of it, for samples that took `seconds`."""
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
        self.latest = 0.0  # seconds of one call, as it was last seen

    def first(self) -> float:
        """Return the seconds of the first call, which compiles, allocates and fills caches."""
        return self._seconds(1)

    def warm_up(self) -> int:
        """Call until steady, then choose the repetitions of a sample; return how many calls it took.

        Steady means that three calls in a row bring nothing faster than 5% below the fastest before them; after two
        seconds it is called steady all the same, for a call that long has been warm since its first.
        """
        deadline, calls, fastest = time.perf_counter() + WARM_UP_SECONDS, 0, float("inf")
        while True:
            latest = float("inf")
            for _ in range(STEADY_CALLS):
                latest, calls = min(latest, self._seconds(1)), calls + 1
                if time.perf_counter() > deadline:
                    break
            if latest > (1 - STEADY_SHARE) * fastest or time.perf_counter() > deadline:
                break
            fastest = min(fastest, latest)
        self.latest = min(fastest, latest)
        self.repetitions = self._enough(self.latest)
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
        if self.latest < LONG_CALL:
            for _ in range(max(1, int(WARM_SHARE * self.repetitions))):
                self.call(self.prepare())
        watch = Watch()
        repetitions = self.repetitions
        seconds = self.latest = self._seconds(repetitions) / repetitions
        self.repetitions = max(repetitions, self._enough(seconds))  # where the warm-up was slowed they were too few
        return Sample(seconds, repetitions, watch.stop(), min(pace, PACE.now()))

    def _enough(self, seconds: float) -> int:
        """Return how many calls that take `seconds` each make a sample."""
        return max(1, int(np.ceil(self.sample_seconds / seconds)))

    def _seconds(self, repetitions: int) -> float:
        prepared = [self.prepare() for _ in range(repetitions)]
        self.synchronize()
        began = time.perf_counter()
        for argument in prepared:
            self.call(argument)
        self.synchronize()
        return time.perf_counter() - began
