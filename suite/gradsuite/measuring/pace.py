"""How fast the core at hand runs just now, measured: a fixed computation against its fastest ever in this process.

A core can do less in its time and no counter of the system say so: the other half of it, a hyperthread, belongs to
another virtual machine that computes, or its clock is throttled where the frequency is not readable.
"""

import time
from statistics import median

NUMBERS = range(2000)  # added up in some 30 microseconds
TRIES = 3  # of which the middle one counts: an interrupt slows one, and a clock may for once go wrong
# Another thread on the same core leaves .5 to .6 of its pace; clocks that rise and fall leave .85 and more.
SLOW_PACE = 0.8
# Seconds that a core has to wake: one that was idle runs at .5 to .6 too, for 1 to 5 ms (measured, virtual machine).
WAKE = 0.005


class Pace:
    """Remembers the fastest that the fixed computation has been."""

    def __init__(self) -> None:
        """Nothing is measured before `now`."""
        self.fastest = float("inf")

    def now(self) -> float:
        """Return the pace as a share of the fastest so far: in 0.1 ms where it is not slow, else in 5 ms."""
        deadline = time.perf_counter() + WAKE
        while (pace := self._measured()) < SLOW_PACE and time.perf_counter() < deadline:
            pass
        return pace

    def _measured(self) -> float:
        seconds = median(fixed() for _ in range(TRIES))
        if seconds <= 0:
            return 1.0  # on a clock too coarse to tell
        self.fastest = min(self.fastest, seconds)
        return self.fastest / seconds


def fixed() -> float:
    """Return the CPU seconds of the fixed computation: what this thread waits for a core is not in them."""
    began = time.thread_time()
    sum(NUMBERS)
    return time.thread_time() - began
