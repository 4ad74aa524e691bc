"""What a plugin registers: a name of a kind, and the class or command behind it, looked at as it is registered.

And what is said of one that cannot be loaded.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any

from gradsuite.alias import SIGN, SLUG, original
from gradsuite.hosting.contained import Fault, contained

KINDS = ("backend", "cell", "experiment", "task")


@dataclass(frozen=True, slots=True)
class Broken:
    """A plugin that could not be loaded, why, and what to type."""

    name: str
    reason: str
    install: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}" + (f"; to install it: {self.install}" if self.install else "")


@dataclass(frozen=True, slots=True)
class Registration:
    """A name that a plugin gave, and the class or command behind it, imported or started only when asked for."""

    kind: str
    name: str
    target: str | type | tuple[str, ...]
    plugin: str
    requires: tuple[str, ...] = ()
    install: str = ""
    peer: bool = False

    def missing(self) -> str | None:
        """Return why this cannot be loaded, or None; imports nothing."""
        lost = [module for module in self.requires if not _installed(module)]
        if lost:
            return f"{', '.join(lost)} not installed"
        if isinstance(self.target, tuple) and which(self.target[0]) is None:
            return f"command {self.target[0]!r} not found"
        return None

    def load(self) -> type:
        """Import and return the class; of a command, the class that runs it."""
        if isinstance(self.target, type):
            return self.target
        if isinstance(self.target, tuple):
            from gradsuite.foreign.backend import command_backend  # imports NumPy: only now

            return command_backend(self.name, self.target)
        module, _, attribute = self.target.partition(":")
        loaded: type = getattr(import_module(module), attribute)
        return loaded


def registered(
    kind: str,
    plugin: str,
    name: Any,
    target: Any = None,
    *,
    command: Sequence[str | os.PathLike[str]] | None = None,
    requires: Iterable[str] = (),
    install: str = "",
    peer: bool = False,
) -> Registration:
    """Return what a plugin registers, asked as `hookspecs.Register` is. Raises TypeError or ValueError for rubbish."""
    if isinstance(name, type):
        name, target = getattr(name, "name"), name  # noqa: B009  the attribute is the plugin's, not type's
    if (target is None) == (command is None) or (command is not None and kind != "backend"):
        either = " or command=[...], one of them" if kind == "backend" else ""
        raise TypeError(f"register({name!r}) needs a class or 'package.module:Class'{either}")
    if not isinstance(target, str | type | None):
        raise TypeError(f"register({name!r}) needs a class or 'package.module:Class', not {target!r:.80}")
    if isinstance(name, str) and name != original(name):
        raise ValueError(f"{kind} {name!r}: {SIGN} is for second names of what is registered")
    if not isinstance(name, str) or not SLUG.fullmatch(name):
        article = "an" if kind == "experiment" else "a"
        raise ValueError(f"{article} {kind}'s name is of small letters, digits, '.' and '-', not {str(name)[:80]!r}")
    if isinstance(requires, str):
        raise TypeError(f"register({name!r}, requires=...) needs a list of modules, as in requires=['torch']")
    behind = _words(name, command) if target is None else target
    return Registration(kind, name, behind, plugin, tuple(map(str, requires)), str(install), bool(peer))


def require_new(entry: Registration, known: Mapping[str, Registration]) -> None:
    """Raise ValueError if another of the kind, which is `known`, has the name of this one."""
    if entry.name in known:
        raise ValueError(
            f"it registers the {entry.kind} {entry.name!r}, which the plugin {known[entry.name].plugin!r} has already, "
            f"so that it is left out: remove one, or block it with --no-plugin"
        )


def _words(name: str, command: Any) -> tuple[str, ...]:
    """Return a command as text. Raises TypeError unless it is a list, and ValueError for a relative path."""
    if isinstance(command, str) or not command:
        raise TypeError(f"register({name!r}, command=...) needs a list, as in command=['mine', '--fast']")
    first, *others = map(os.fspath, command)
    if Path(first).name != first and not Path(first).is_absolute():  # of which folder, the worker cannot know
        raise ValueError(
            f"register({name!r}): the command {first!r} is a relative path; "
            f"type Path(__file__).with_name({Path(first).name!r}), or a name that is on the PATH"
        )
    return (first, *others)


def _installed(module: str) -> bool:
    try:
        return contained(find_spec, module) is not None
    except Fault:  # the package that it is a part of is not there, or of no use
        return False
