"""How much memory a worker's C library keeps for its next call, instead of giving it back to the system.

glibc takes a buffer of more than 32 MiB anew from the system at every call, and the system fills its pages with zeros
again: an eighth of the time of a large LSTM's gradients, and the part of it that varies most. It belongs to no backend,
so every worker is spared it alike.
"""

import ctypes
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

MIB = 2**20
# Buffers below the first limit are kept, as long as no more than the second lies free; memory is taken by the third.
LIMITS = {
    "MALLOC_MMAP_THRESHOLD_": str(256 * MIB),
    "MALLOC_TRIM_THRESHOLD_": str(512 * MIB),
    "MALLOC_TOP_PAD_": str(64 * MIB),
}
OPTIONS = {"MALLOC_TRIM_THRESHOLD_": -1, "MALLOC_TOP_PAD_": -2}  # of mallopt(3)
# Older ones refuse a first limit above 32 MiB, and with the others set take every buffer above 128 KiB anew.
SINCE = (2, 36)


def environment() -> Mapping[str, str]:
    """Return the variables that make glibc keep memory; none where the C library is another or too old."""
    return LIMITS if glibc() >= SINCE else {}


@contextmanager
def giving_back() -> Iterator[None]:
    """Have a process with these limits give back at once what it frees meanwhile.

    What its threads freed at the end of their memory, `memory.release` does not reach.
    """
    kept = {option: int(os.environ[name]) for name, option in OPTIONS.items() if name in os.environ and glibc()}
    for option in kept:
        ctypes.CDLL(None).mallopt(option, 0)
    try:
        yield
    finally:
        for option, size in kept.items():
            ctypes.CDLL(None).mallopt(option, size)


def glibc() -> tuple[int, ...]:
    """Return glibc's version, or () where there is none."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (AttributeError, ValueError):  # Windows; another C library
        return ()
    parts = version.split(".")
    return tuple(map(int, parts)) if name == "glibc" and all(part.isdecimal() for part in parts) else ()
