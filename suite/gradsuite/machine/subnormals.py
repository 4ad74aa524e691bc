"""Subnormal numbers, the last ones before zero: what they cost here, and a worker that takes them for zero.

A gradient that vanishes passes through them, and some processors leave their fast path for each product that has one:
the same matrix product then takes a hundred times as long.
"""

import ctypes
import os
import platform
import time
from collections.abc import Callable, Mapping
from functools import cache

from gradsuite.machine.allocator import glibc

VARIABLE = "GRADSUITE_FLUSH_SUBNORMALS"  # 1 has a worker flush them
TO_ZERO = 0x8000 | 0x0040  # FTZ and DAZ of MXCSR: results to zero, and operands
MXCSR = 7  # its place among the words of glibc's fenv_t on x86-64
WORDS = 8
SIZE = 20_000
REPEATS = 15
PAYS = 2.0  # times as long, from which on flushing is worth a worker that is tuned


def available() -> bool:
    """Whether a process can be told to flush here: by glibc, on x86-64."""
    return platform.machine() == "x86_64" and bool(glibc())


def flush() -> None:
    """Have this thread, and all threads that it starts from now on, take subnormal numbers for zero."""
    words = (ctypes.c_uint32 * WORDS)()
    libm = ctypes.CDLL("libm.so.6")
    libm.fegetenv(words)
    words[MXCSR] |= TO_ZERO
    libm.fesetenv(words)


def flush_if_asked() -> None:
    """Flush if the environment says so and the system can; before anything that starts threads."""
    if os.environ.get(VARIABLE) == "1" and available():
        flush()


@cache
def cost() -> float:
    """Return how many times as long products take here whose result is subnormal; 1 on many processors."""
    import numpy as np

    half = np.full(SIZE, 0.5, np.float32)
    normal, tiny = half.copy(), np.full(SIZE, np.finfo(np.float32).tiny)
    out = np.empty_like(half)
    return _fastest(lambda: np.multiply(tiny, half, out=out)) / _fastest(lambda: np.multiply(normal, half, out=out))


def environment() -> Mapping[str, str]:
    """Return what has a tuned worker flush; nothing where that is impossible, does not pay, or was chosen already."""
    chosen = VARIABLE in os.environ
    return {VARIABLE: "1"} if not chosen and available() and cost() > PAYS else {}


def _fastest(call: Callable[[], object]) -> float:
    """Return the seconds of the fastest of some calls."""

    def seconds() -> float:
        began = time.perf_counter()
        call()
        return time.perf_counter() - began

    return min(seconds() for _ in range(REPEATS))
