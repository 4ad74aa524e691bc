"""A rehearsal: what might end this process is first done in a copy of it, which may die of it or never come back."""

import os
import select
import signal
import sys
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from fcntl import F_DUPFD_CLOEXEC, fcntl
from typing import NoReturn, TypeVar

from gradsuite.hosting.contained import STOPPING

Key = TypeVar("Key", bound=Hashable)

PATIENCE = 60.0  # seconds for one act: as many as a worker has to import a framework on a busy machine
THREADED = {"jax", "torch"}  # a copy has none of their threads, and would wait for them; no command imports them itself
UNHEARD = -1  # acts done by a copy that never began
FIRST_FREE = 3  # descriptors below are the standard streams, or in a host without them might be taken for them

# Acts that were rehearsed, and what became of the copy: nothing, or how it ended. None where nothing is rehearsed.
_endings: ContextVar[dict[Hashable, str] | None] = ContextVar("endings", default=None)


@contextmanager
def rehearsing() -> Iterator[None]:
    """Have `rehearse` do so, in a process that is a command's, with nothing in it that a fork would harm.

    On Linux alone: elsewhere a copy may die of what the system has begun in the process that it is a copy of.
    """
    safe = sys.platform == "linux" and THREADED.isdisjoint(sys.modules)
    token = _endings.set({} if safe else None)
    try:
        yield
    finally:
        _endings.reset(token)


def rehearse(acts: Mapping[Key, Callable[[], object]]) -> dict[Key, str]:
    """Return which of these acts end their process or never come back, and how; each is tried once in a command.

    The copy goes from act to act; where it ends, another one begins with the next. An act raises nothing.
    """
    endings = _endings.get()
    if endings is None:
        return {}
    left = [key for key in acts if key not in endings]
    while left:
        try:
            done, ending = _copied([acts[key] for key in left])
        except OSError:  # the system has no process or pipe to spare: that is no act's fault
            break
        if done == UNHEARD:
            break
        endings |= dict.fromkeys(left[:done], "")
        endings |= dict.fromkeys(left[done : done + 1], ending)
        left = left[done + 1 :]
    return {key: endings[key] for key in acts if endings.get(key)}


def _copied(acts: Sequence[Callable[[], object]]) -> tuple[int, str]:
    """Return how many of these acts a copy of this process has done, and how it ended if not all; it is gone then."""
    from gradsuite.machine.descent import ended

    ours, theirs = os.pipe(), os.pipe()
    copy = os.fork()
    if copy == 0:
        os.close(ours[1])
        _perform(acts, ours[0], theirs[1])
    os.close(ours[0])
    os.close(theirs[1])
    done, late = UNHEARD, False
    try:
        reports = select.poll()
        reports.register(theirs[0], select.POLLIN)
        while done < len(acts) and not (late := not reports.poll(1000 * PATIENCE)):
            if not (piece := os.read(theirs[0], select.PIPE_BUF)):
                break
            done += len(piece)
    finally:
        os.close(ours[1])
        os.close(theirs[0])
        _, status = os.waitpid(copy, 0)
    if late:
        return done, f"it was not loaded within {PATIENCE:g} s"
    return done, f"{ended(os.waitstatus_to_exitcode(status))} as it was loaded"


def _perform(acts: Sequence[Callable[[], object]], host: int, reports: int) -> NoReturn:
    """Do these acts in a child of this process, which guards it as a worker is guarded, and report each.

    The pipe `host` ends with the host. That for reports ends with the guard: its status is then that of the child.
    """
    from gradsuite.worker import guard

    try:
        _endings.set(None)  # a copy is not copied
        os.setsid()
        reports = fcntl(reports, F_DUPFD_CLOEXEC, FIRST_FREE)
        os.dup2(host, 0)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 1)  # the host itself will say what these acts have to say
        os.dup2(null, 2)
        guard.start()
        os.dup2(null, 0)
        for number in STOPPING:
            signal.signal(number, signal.SIG_DFL)
        os.write(reports, b"0")
        for act in acts:
            act()
            os.write(reports, b"1")
        os._exit(0)
    finally:
        os._exit(1)
