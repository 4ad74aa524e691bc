"""How fast the cores run just now, measured: a fixed computation against the fastest it ever was in this process.

A core can do less in its time and no counter of the system say so: the other half of it, a hyperthread, belongs to
another virtual machine that computes, or its clock is throttled where the frequency is not readable.
"""

import os
import time
from collections import defaultdict

NUMBERS = range(2000)  # added up in some 30 microseconds
TRIES = 3  # of which the fastest counts: an interrupt, or a cold cache, slows one


class Pace:
    """Remembers, for each core that this process may use, the fastest that it has been."""

    def __init__(self) -> None:
        """Nothing is measured before `now`."""
        self.fastest: dict[int, float] = defaultdict(lambda: float("inf"))

    def now(self) -> float:
        """Return the pace of the slowest core as a share of its fastest so far, in about 0.3 ms a core.

        Undisturbed it is 1; where another thread computes on the same core, .5 to .6.
        """
        return min(self._of(core) for core in self._each())

    def _each(self) -> list[int]:
        return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [-1]

    def _of(self, core: int) -> float:
        if core < 0:
            return self._share(core)
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {core})  # of this thread alone, whatever the others do
        try:
            return self._share(core)
        finally:
            os.sched_setaffinity(0, allowed)

    def _share(self, core: int) -> float:
        seconds = min(fixed() for _ in range(TRIES))
        self.fastest[core] = min(self.fastest[core], seconds)
        return self.fastest[core] / seconds


def fixed() -> float:
    """Return the CPU seconds of the fixed computation: what this thread waits for a core is not in them."""
    began = time.thread_time()
    sum(NUMBERS)
    return time.thread_time() - began
