"""Peak memory of this process, which Linux lets us measure anew for each trial."""

import ctypes
import gc
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil

from gradsuite.errors import Unsupported
from gradsuite.machine import allocator, family

Returned = TypeVar("Returned")

STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")
RESET_PEAK = "5"  # proc(5), clear_refs: reset the peak resident set size


def reset_peak() -> bool:
    """Let `peak` count from now, and return whether it does: only Linux resets the peak of a process."""
    try:
        CLEAR_REFS.write_text(RESET_PEAK)
    except OSError:
        return False
    return True


def peak() -> int:
    """Return the largest resident set size, in bytes, since `reset_peak`. A worker resets it before each trial."""
    if STATUS.exists():
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024


def release() -> None:
    """Give back what was freed but kept by the C library (glibc), which would hide the memory that is taken next."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def keep() -> None:
    """Let `release` leave alone what is there now: modules stay, and to look through NumPy's alone takes 10 ms."""
    gc.collect()
    gc.freeze()


def resident() -> int:
    """Return the resident set size now, in bytes."""
    return int(psutil.Process().memory_info().rss)


def growth(call: Callable[[], Returned]) -> tuple[Returned, int]:
    """Return what a call returns, and how many bytes more than before it are resident at its peak.

    Raises Unsupported for a backend that computes in another process: what its C library keeps cannot be given back.
    """
    if family.pids():
        raise Unsupported("the memory of a backend that is a command is not measured")
    release()
    reset_peak()
    before = resident()
    returned = call()
    return returned, peak() - before


def needed(call: Callable[[], object]) -> int | None:
    """Return how many bytes a call takes at its peak that it gives back; None where that cannot be told.

    The system may not say it, and a backend may compute in another process.

    It is called twice: the first call loads and compiles what there is to load and to compile, which stays, and what
    else it took is given back. What ran before in this process, and what it left, does not count.
    """
    with allocator.giving_back():
        call()
    if family.pids() or not reset_peak():
        return None
    return max(0, growth(call)[1])
