"""How much memory a worker's C library keeps for its next call, instead of giving it back to the system.

glibc takes a buffer of more than 32 MiB anew from the system at every call, and the system fills its pages with zeros
again: an eighth of the time of a large LSTM's gradients, and the part of it that varies most. It belongs to no backend,
so every worker is spared it alike.
"""

import os
from collections.abc import Mapping

MIB = 2**20
# Buffers below the first limit are kept, as long as no more than the second lies free; memory is taken by the third.
LIMITS = {
    "MALLOC_MMAP_THRESHOLD_": str(256 * MIB),
    "MALLOC_TRIM_THRESHOLD_": str(512 * MIB),
    "MALLOC_TOP_PAD_": str(64 * MIB),
}
# Older ones refuse a first limit above 32 MiB, and with the others set take every buffer above 128 KiB anew.
SINCE = (2, 36)


def environment() -> Mapping[str, str]:
    """Return the variables that make glibc keep memory; none where the C library is another or too old."""
    return LIMITS if glibc() >= SINCE else {}


def glibc() -> tuple[int, ...]:
    """Return glibc's version, or () where there is none."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (AttributeError, ValueError):  # Windows; another C library
        return ()
    parts = version.split(".")
    return tuple(map(int, parts)) if name == "glibc" and all(part.isdecimal() for part in parts) else ()
