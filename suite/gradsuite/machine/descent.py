"""Descent: which process ends with which, and how. Linux can tie them; elsewhere it is done as far as can be seen."""

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress
from typing import NoReturn

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # prctl(2)
PAUSE = 0.002  # seconds between two looks at who is left
MOMENT = 0.02  # seconds that those take to end that were killed already


def adopt() -> None:
    """Become the parent of every descendant whose own parent ends, a daemon too; nothing where that is impossible."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def end_with(parent: int) -> None:
    """End when the thread ends that started this process, which is that of a parent with one thread."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was faster
        os._exit(1)


def end_descendants(seconds: float) -> None:
    """Kill all descendants of this process and wait for them, for so long at most; more may be born meanwhile."""
    began = time.monotonic()
    while _reap() and (passed := time.monotonic() - began) < seconds:
        if passed > MOMENT:
            _kill_descendants()
        time.sleep(PAUSE)


def end_marked(variable: str, mark: str) -> None:
    """Kill every process that was started with this environment variable, wherever it has gone."""
    import psutil

    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(variable) == mark:
                process.kill()


def end_like(status: int) -> NoReturn:
    """End as a child did, whose status this is: who waits for this process is told what became of that one."""
    if status < 0:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the child has left one, if there was to be one
        with suppress(OSError):
            signal.signal(-status, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {-status})
        os.kill(os.getpid(), -status)
    os._exit(status)


def ended(status: int | None) -> str:
    """Return how a process ended, in words; None is one that lives."""
    if status is None:
        return "its process closed the pipe to the host"
    if status < 0:
        name = next((one.name for one in signal.Signals if one == -status), f"signal {-status}")
        return f"its process was ended by {name}"
    return f"its process ended with exit status {status}"


def _kill_descendants() -> None:
    import psutil  # slow to import, and seldom needed

    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            child.kill()


def _reap() -> bool:
    """Forget the children that have ended; return whether there are others."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), 0, 0, 0)
