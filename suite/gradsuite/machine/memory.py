"""The memory of this computer: how much a process may have of it, how much is free, and what one has taken."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import psutil

from gradsuite.errors import UserError

CGROUPS = Path("/proc/self/cgroup")  # cgroups(7): `0::PLACE` of version 2, `N:memory:PLACE` of version 1
HIERARCHIES = {  # by controller: where the groups are, and the files of a group's limit and use
    "": (Path("/sys/fs/cgroup"), "memory.max", "memory.current"),
    "memory": (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes"),
}
PROC = Path("/proc")
SIZE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([KMGT]?)(i?)B?|(\d+(?:\.\d*)?)\s*%", re.IGNORECASE)
POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
CACHED = ("inactive_file", "active_file")  # in memory.stat: given back where memory is short
PREFERRED = "1000"  # proc(5), oom_score_adj: the most that any process can ask for


def size(text: str, whole: int) -> int:
    """Return the bytes that a text means: `8G`, `512MiB`, or `50%` of the whole. Raises UserError for any other."""
    found = SIZE.fullmatch(text.strip())
    if found is None:
        raise UserError(f"a size is a number with a unit, such as 8G, 512MiB or 50%, not {text[:80]!r}")
    number, unit, binary, percent = found.groups()
    if percent is not None and not 0 < float(percent) <= 100:
        raise UserError(f"a share of the memory is more than 0% and at most 100%, not {text[:80]!r}")
    if percent is not None:
        return int(whole * float(percent) / 100)
    amount = float(number) * (1024 if binary else 1000) ** POWERS[unit.lower()]
    if not 1 <= amount < 2**63:
        raise UserError(f"a size is at least one byte and less than 2^63, not {text[:80]!r}")
    return int(amount)


def spell(amount: int) -> str:
    """Return bytes as one says them: `9.1 GB`, in powers of 1000."""
    if amount < 999.5:
        return f"{amount} bytes"
    number = Decimal(amount)  # an estimate may be larger than any float
    for unit in ("kB", "MB", "GB", "TB"):
        number /= 1000
        if number < Decimal("999.5"):
            return f"{float(number):.3g} {unit}"
    return f"{float(number):,.0f} TB" if number < 10**6 else f"{number:.1e} TB"


def capacity() -> int:
    """Return how many bytes the processes here may have: the machine's, or their control group's if it has less."""
    return min([psutil.virtual_memory().total, *(limit for limit, _ in _groups())])


def free() -> int:
    """Return how many bytes they may take yet without anything being swapped out."""
    return max(0, min([psutil.virtual_memory().available, *(limit - used for limit, used in _groups())]))


def resident(pid: int) -> int:
    """Return the sum of the resident sets of a process and all that descend from it, in bytes, read in microseconds.

    What they share counts once for each of them.
    """
    return sum(map(_resident, family(pid)))


def taken(pid: int) -> int:
    """Return what a process and all that descend from it have in memory, in bytes, what they share once.

    The system walks through their pages for it, which takes it milliseconds.
    """
    return sum(map(_proportional, family(pid)))


def family(pid: int) -> Iterator[int]:
    """Yield a process and all that descend from it: Linux lists the children of a thread, others all processes."""
    yield pid
    if not (PROC / "thread-self" / "children").exists():
        with suppress(psutil.Error):
            yield from (child.pid for child in psutil.Process(pid).children(recursive=True))
        return
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208  this and `open` take half the time of a Path's
            with suppress(OSError), open(f"/proc/{pid}/task/{thread}/children", "rb", 0) as children:  # noqa: PTH123
                for child in children.read().split():
                    yield from family(int(child))


def give_way() -> None:
    """Have the system end this process before any other if memory runs out; where it does not ask, nothing happens."""
    with suppress(OSError):
        (PROC / "self" / "oom_score_adj").write_text(PREFERRED)


def _resident(pid: int) -> int:
    with suppress(psutil.Error):
        return int(psutil.Process(pid).memory_info().rss)
    return 0


def _proportional(pid: int) -> int:
    """Return the bytes of one process, with its part of each page that it shares; all of them where nobody tells."""
    with suppress(psutil.Error, AttributeError):
        return int(psutil.Process(pid).memory_full_info().pss)
    return _resident(pid)


def _groups() -> Iterator[tuple[int, int]]:
    """Yield limit and use, in bytes, of the control groups that this process is in, but for cached files."""
    lines = CGROUPS.read_text().splitlines() if CGROUPS.exists() else []
    for controllers, place in (line.split(":", 2)[1:] for line in lines):
        for name in set(controllers.split(",")) & HIERARCHIES.keys():
            root, limit, used = HIERARCHIES[name]
            folder = root / place.lstrip("/")
            for group in (folder, *(one for one in folder.parents if one.is_relative_to(root))):
                with suppress(OSError, ValueError):  # no limit (`max`), or a file that only other groups have
                    yield int((group / limit).read_text()), int((group / used).read_text()) - _cached(group)


def _cached(group: Path) -> int:
    pairs = (line.split() for line in (group / "memory.stat").read_text().splitlines())
    return sum(int(amount) for name, amount in pairs if name in CACHED)
