"""Peak memory of this process, which Linux lets us measure anew for each trial."""

import ctypes
import gc
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil

Found = TypeVar("Found")

STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")
RESET_PEAK = "5"  # proc(5), clear_refs: reset the peak resident set size


def reset_peak() -> None:
    """Let `peak` count from now; elsewhere than on Linux it goes on counting from the start of the process."""
    try:
        CLEAR_REFS.write_text(RESET_PEAK)
    except OSError:
        return


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


def resident() -> int:
    """Return the resident set size now, in bytes."""
    return int(psutil.Process().memory_info().rss)


def growth(call: Callable[[], Found]) -> tuple[Found, int]:
    """Return what a call returns, and how many bytes more than before it are resident at its peak."""
    release()
    reset_peak()
    before = resident()
    found = call()
    return found, peak() - before
