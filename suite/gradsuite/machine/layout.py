"""Where the system lays out a new process in memory: at random, or the same each time.

Two processes that do the same are up to a percent or two apart in speed here, for as long as they live, where their
memory lies differently, down to the length of their environment (the effect: Mytkowicz et al. 2009, 'Producing wrong
data without doing anything obviously wrong!', ASPLOS, of which the abstract was read). No number of rounds averages
that out.
"""

import ctypes
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

ADDR_NO_RANDOMIZE = 0x0040000  # personality(2)
ASK = 0xFFFFFFFF
REFUSED = -1
# Strings are hashed alike, so that dictionaries have the same order of slots, and memory the same history.
ENVIRONMENT: Mapping[str, str] = {"PYTHONHASHSEED": "0"}


@contextmanager
def fixed_layout() -> Iterator[bool]:
    """Have the processes that are started within laid out alike; yields whether the system can and allows it."""
    if platform.system() != "Linux":
        yield False
        return
    personality = ctypes.CDLL(None).personality
    before = personality(ctypes.c_ulong(ASK))
    if before == REFUSED:
        yield False
        return
    try:
        yield personality(ctypes.c_ulong(before | ADDR_NO_RANDOMIZE)) != REFUSED
    finally:
        personality(ctypes.c_ulong(before))


def layout() -> str:
    """Return how workers are laid out here: `fixed` or `random`."""
    with fixed_layout() as fixed:
        return "fixed" if fixed else "random"
