"""What all trials of a worker share, and none may change: the next one would compute something else, unnoticed.

A snapshot takes a fifth of a millisecond; it is taken once a trial's experiment and backend have been imported, which
may set variables of their own.
"""

import os
import signal
import struct
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

MODULES = ("builtins", "math", "time", "numpy", "numpy.linalg", "numpy.fft", "numpy.random")
SHOWN = 5  # changes that are named
GONE = object()
CONSTANTS = (int, float, str, tuple)
LEAST, ONE, THREE = sys.float_info.min, 1.0, 3.0


class Shared:
    """A snapshot of functions, how numbers are computed, environment, folder, umask, signals and standard streams."""

    def __init__(self, packages: Collection[str] = ()) -> None:
        """Take it. Packages may add variables that begin with their names, as PyTorch does where it first compiles."""
        self.packages = tuple(package.lower() for package in packages)
        self.modules = {name: dict(vars(sys.modules[name])) for name in MODULES if name in sys.modules}
        self.variables = dict(os.environ)
        self.imported = len(sys.modules)
        self.process = _process()

    def changes(self) -> list[str]:
        """Return what is not as it was, by name, the first few; what was added to a module is no change.

        Nor are variables that were added while a trial imported something: packages such as scikit-learn set some.
        """
        now = Shared()
        added = now.variables.keys() - self.variables.keys()
        own = added if now.imported > self.imported else {name for name in added if self._is_own(name)}
        variables = {name: value for name, value in now.variables.items() if name not in own}
        found = [
            *(f"{module}.{name}" for module, before in self.modules.items() for name in _replaced(before, module)),
            *(f"the variable {name}" for name in _different(self.variables, variables)),
            *_different(self.process, now.process),
        ]
        more = len(found) - SHOWN
        return [*found[:SHOWN], *([f"{more} more"] if more > 0 else [])]

    def _is_own(self, variable: str) -> bool:
        return variable.lower().lstrip("_").startswith(self.packages)


def _replaced(before: Mapping[str, Any], module: str) -> Iterator[str]:
    there = vars(sys.modules[module]) if module in sys.modules else MappingProxyType({})
    return (name for name, value in before.items() if not _is_same(value, there.get(name, GONE)))


def _is_same(value: Any, now: Any) -> bool:
    """Return whether this is the same object, or of constants, which time.tzset makes anew, an equal one."""
    return now is value or (type(now) is type(value) and isinstance(value, CONSTANTS) and bool(now == value))


def _different(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    return (name for name in {**before, **now} if before.get(name, GONE) != now.get(name, GONE))


def _process() -> dict[str, Any]:
    """Return the rest, by the words in which a change of it is told."""
    mask = os.umask(0)
    os.umask(mask)
    state: dict[str, Any] = {
        # As bytes: what takes them for zero finds them equal to it.
        "how numbers below the smallest normal one are computed": struct.pack("d", LEAST / THREE),
        "how numbers are rounded": struct.pack("dd", ONE / THREE, -ONE / THREE),
        "the file mode mask": mask,
        "the working directory": None,
        "the handlers of signals": tuple(map(signal.getsignal, signal.valid_signals())),
        "the standard streams": (*map(_place, range(3)), *map(_stream, (sys.stdout, sys.stderr))),
    }
    with suppress(OSError):  # it was removed
        state["the working directory"] = str(Path.cwd())
    if numpy := sys.modules.get("numpy"):
        state["NumPy's handling of floating-point errors"] = (numpy.geterr(), numpy.geterrcall(), numpy.getbufsize())
    return state


def _place(descriptor: int) -> tuple[int, int] | None:
    """Return where a descriptor leads, None of one that is closed."""
    with suppress(OSError):
        there = os.fstat(descriptor)
        return there.st_dev, there.st_ino
    return None


def _stream(stream: Any) -> tuple[Any, bool]:
    return stream, bool(getattr(stream, "closed", True))
