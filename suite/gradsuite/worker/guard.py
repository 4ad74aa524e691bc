"""The guard: the parent of a worker, which sees to it that nothing of it is left, however the worker or the host ends.

A worker in a C call hears nobody, and one that was killed cannot clean up; the guard computes nothing and waits.
"""

import os
import select
import signal
from contextlib import suppress

from gradsuite.machine import descent

PATIENCE = 3.0  # seconds to wait for those that were killed; the host waits a little longer


def start() -> None:
    """Return in a child of this process, in a session of its own; this process guards it and never returns."""
    descent.adopt()
    guard = os.getpid()
    worker = os.fork()
    if worker == 0:
        os.setsid()
        descent.end_with(guard)
        return
    status = _watch(worker)
    with suppress(ProcessLookupError):
        os.killpg(worker, signal.SIGKILL)  # all of its group at once: they cannot fork any faster
    descent.end_descendants(PATIENCE)
    descent.end_like(os.waitstatus_to_exitcode(status))


def _watch(worker: int) -> int:
    """Return the worker's status when it has ended, or that of a success when the host has closed descriptor 0."""
    os.dup2(2, 1)  # the worker alone holds the pipe for replies: it ends with it
    woken, waking = os.pipe()
    os.set_blocking(waking, False)
    signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # what interrupts the host means, the host decides
    events = select.poll()
    events.register(0, 0)  # its end, and nothing else: what comes there is for the worker
    events.register(woken, select.POLLIN)
    while True:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == worker:
                    return ended[1]
        for descriptor, _ in events.poll():
            if descriptor == 0:
                return 0
            os.read(woken, select.PIPE_BUF)
