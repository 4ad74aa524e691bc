"""The processes that this one computes with: what they do counts as its own."""

from contextlib import suppress

import psutil

_MEMBERS: dict[int, psutil.Process] = {}


def add(pid: int) -> None:
    """Count a process in, until it is removed."""
    _MEMBERS[pid] = psutil.Process(pid)


def remove(pid: int) -> None:
    """Count a process out, whether it was in or not."""
    _MEMBERS.pop(pid, None)


def pids() -> tuple[int, ...]:
    """Return the numbers of these processes; without any, this process computes by itself."""
    return tuple(_MEMBERS)


def cpu_seconds() -> float:
    """Return the CPU time that they have taken, in seconds; one that has ended counts no more."""
    total = 0.0
    for member in list(_MEMBERS.values()):
        with suppress(psutil.Error):
            times = member.cpu_times()
            total += times.user + times.system
    return total
