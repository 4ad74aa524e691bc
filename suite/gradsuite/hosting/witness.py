"""The witness: the parent of a command that calls others' code, which says how it ended if it cannot say so itself.

Code of a plugin may end its process below Python, with a status of success too. So the command goes on in a child, and
tells what it calls and that it has come to its end in a page of memory that both see.
"""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from mmap import PAGESIZE, mmap
from types import FrameType
from typing import NoReturn

from gradsuite.errors import LINE, listed, shortened
from gradsuite.hosting.contained import STOPPING
from gradsuite.plain import printable

STDERR = 2
UNFINISHED = 2  # the exit status of a command that did not come to its end, whatever it ended with
ENDED, STATUS, CALLS = 0, 1, 2  # places in the page: whether it came to its end, with which status, what is called
# What a terminal stops and continues, it does so to all of a process group; all else is passed on to the command.
PASSED_ON = signal.valid_signals() - {
    signal.SIGKILL, signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCONT,
}  # fmt: skip

_wanted = ContextVar("wanted", default=False)
_page: mmap | None = None  # of this command, in the child
_command = 0  # the process whose page it is: a forked copy has no say in it
_calls: list[str] = []  # that others' code is busy with, in any thread


@contextmanager
def witnessed() -> Iterator[None]:
    """Let `attend` start a witness, in a process that is a command's and nothing else's."""
    token = _wanted.set(sys.platform == "linux")  # elsewhere a forked copy may die of what the system began before
    try:
        yield
    finally:
        _wanted.reset(token)


def attend(plugins: Sequence[str]) -> None:
    """Have these plugins' deeds witnessed: return in a child of this process, which never returns if it has one.

    Nothing is done where no witness is wanted, or after a command has loaded its plugins for the first time: later, a
    copy would have none of its threads, and no lock on a file.
    """
    global _page, _command
    wanted = _wanted.get()
    _wanted.set(False)
    if not wanted or not plugins:
        return
    from gradsuite.machine import descent

    page, witness = mmap(-1, PAGESIZE), os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    try:
        command = os.fork()
    except OSError:  # the system has no process to spare
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return
    if command:
        _end(_watched(command), page, plugins)
    descent.end_with(witness)
    _page, _command = page, os.getpid()
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def calling(what: str) -> Iterator[None]:
    """Let the witness know what is called meanwhile."""
    _calls.append(what)
    _tell()
    try:
        yield
    finally:
        _calls.remove(what)
        _tell()


def testify(status: int) -> None:
    """Let the witness know that the command has come to its end, with this exit status."""
    if _page is not None and os.getpid() == _command:
        _page[STATUS] = status
        _page[ENDED] = 1


def _tell() -> None:
    if _page is not None and os.getpid() == _command:
        room = len(_page) - CALLS
        _page[CALLS:] = " and ".join(_calls).encode(errors="replace")[:room].ljust(room, b"\0")


def _watched(command: int) -> int:
    """Return how a child has ended, as `waitpid` does; what comes for this process meanwhile is passed on to it."""

    def pass_on(number: int, frame: FrameType | None = None) -> None:
        with suppress(ProcessLookupError):
            os.kill(command, number)

    for number in STOPPING:  # one may come to a thread of NumPy's, which blocks none
        if callable(signal.getsignal(number)):
            signal.signal(number, pass_on)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, as it may be from before, children leave no status
    while True:
        came = signal.sigwaitinfo(PASSED_ON)
        if came.si_signo == signal.SIGCHLD:
            ended, status = os.waitpid(command, os.WNOHANG)
            if ended:
                return status
        elif came.si_code <= 0 or came.si_signo == signal.SIGHUP:  # the rest a terminal sends to both
            pass_on(came.si_signo)


def _end(status: int, page: mmap, plugins: Sequence[str]) -> NoReturn:
    """End as the command has ended; one that did not come to its end is no success, and is spoken of."""
    from gradsuite.hosting.points import DISABLE_VARIABLE
    from gradsuite.machine import descent

    code = os.waitstatus_to_exitcode(status)
    if page[ENDED] and page[STATUS]:  # what came after it changes nothing
        os._exit(page[STATUS])
    if not page[ENDED]:
        calls = page[CALLS:].rstrip(b"\0").decode(errors="replace")
        where = f"in {calls}" if calls else f"before its work was done, perhaps by a plugin ({listed(plugins)})"
        advice = f"what is stored is kept; to block a plugin: {DISABLE_VARIABLE}=NAME"
        line = f"gradsuite: {descent.ended(code)} {where}; {advice}"
        with suppress(OSError):
            os.write(STDERR, f"{shortened(printable(line), LINE)}\n".encode(errors="replace"))
        if code >= 0:
            os._exit(UNFINISHED)
    descent.end_like(code)
