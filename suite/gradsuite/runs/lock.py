"""The lock of a run: of all processes on a machine, one writes."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gradsuite.errors import UserError, cause

LAST_MOMENTS = 0.5  # seconds that a process may take to be gone, once it was killed
PAUSE = 0.02


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only one that measures into a folder. Raises UserError if another process does already.

    The system lets go of it when the process ends, however that ends: no lock is ever left behind.
    """
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise UserError(f"cannot write to {str(folder)!r}: {cause(error)}") from error
    try:
        try:
            _lock(handle)
        except BlockingIOError as error:
            raise UserError(f"{str(folder)!r} is being written by another process: wait for it to end") from error
        except OSError as error:  # a file system without locks
            raise UserError(f"cannot lock {str(folder)!r}: {cause(error)}; choose another folder with --out") from error
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> None:
    """Lock a folder, once another that was killed is gone. Raises BlockingIOError if another lives on."""
    deadline = time.monotonic() + LAST_MOMENTS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)
        else:
            return
