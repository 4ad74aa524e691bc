"""The plugin manager: finds plugins by entry point and collects what they register.

Built-in plugins load through the same entry points as anyone's. A plugin that fails costs only itself.
"""

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pluggy

from gradsuite import hookspecs
from gradsuite.alias import SIGN, SLUG, original
from gradsuite.errors import UserError, one_line, unknown

if TYPE_CHECKING:
    from gradsuite.experiment import Experiment
    from gradsuite.tasks.task import Task

DISABLE_VARIABLE = "GRADSUITE_DISABLE_PLUGINS"
KINDS = ("backend", "cell", "experiment", "task")


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


@dataclass(frozen=True, slots=True)
class Broken:
    """A plugin that could not be loaded, why, and what to type."""

    name: str
    reason: str
    install: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}" + (f"; to install it: {self.install}" if self.install else "")


class Plugins:
    """All plugins of one process: what they registered by kind and name, and the `broken` ones."""

    def __init__(
        self,
        plugins: Mapping[str, Any] = MappingProxyType({}),
        blocked: Collection[str] = (),
        kinds: Collection[str] = KINDS,
    ) -> None:
        """Collect what these plugin objects register, by plugin name; `blocked` names those left out on purpose.

        Of other `kinds` nothing is collected, and no clash of names is noticed.
        """
        self.kinds = kinds
        self.blocked = sorted(blocked)
        self.manager = pluggy.PluginManager(hookspecs.GROUP)
        self.manager.add_hookspecs(hookspecs)
        self.broken: list[Broken] = []
        self.registrations: dict[str, dict[str, Registration]] = {kind: {} for kind in KINDS}
        for name, plugin in plugins.items():
            self.add(name, plugin)

    @property
    def backends(self) -> dict[str, Registration]:
        """Registered backends by name."""
        return self.registrations["backend"]

    @property
    def cells(self) -> dict[str, Registration]:
        """Registered cells by name."""
        return self.registrations["cell"]

    @property
    def experiments(self) -> dict[str, Registration]:
        """Registered experiments by name."""
        return self.registrations["experiment"]

    @property
    def tasks(self) -> dict[str, Registration]:
        """Registered tasks by name."""
        return self.registrations["task"]

    def add(self, name: str, plugin: Any) -> None:
        """Register one plugin object; a hook it misspells or a name that is taken makes it broken.

        Raises UserError if a name it registers belongs to another plugin: both are named.
        """
        before = {kind: dict(known) for kind, known in self.registrations.items()}
        try:
            self.manager.register(plugin, name)
            self.manager.check_pending()
            others = [other for other in self.manager.get_plugins() if other is not plugin]
            for kind in self.kinds:
                hook = self.manager.subset_hook_caller(f"register_{kind}s", others)
                hook(register=partial(self._register, kind, name))
        except UserError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001  a plugin may fail in any way and must cost only itself
            self.registrations = before
            if self.manager.has_plugin(name):
                self.manager.unregister(name=name)
            self.fail(name, error)

    def fail(self, name: str, error: BaseException, install: str = "") -> None:
        """Note that this plugin is broken, and why, in one line."""
        self.broken.append(Broken(name, one_line(error), install))

    def remove(self, name: str) -> None:
        """Forget a plugin and all that it registered."""
        self.manager.unregister(name=name)
        for known in self.registrations.values():
            for entry in [entry for entry in known.values() if entry.plugin == name]:
                del known[entry.name]

    def find(self, kind: str, name: str) -> Registration:
        """Return a registration by name or alias. Raises UserError if there is none: why, or the nearest name."""
        known, name = self.registrations[kind], original(name)
        if name in known:
            return known[name]
        for lost in self.broken:
            if lost.name == name:
                raise UserError(f"not available: {lost}")
        if self.blocked:
            raise UserError(f"{unknown(kind, name, known)}, with these plugins blocked: {', '.join(self.blocked)}")
        raise unknown(kind, name, known)

    def get(self, kind: str, name: str) -> type:
        """Import and return a class by name. Raises UserError if there is none, or if it cannot be imported."""
        loaded = self._load(self.find(kind, name))
        if isinstance(loaded, Broken):
            raise UserError(f"not available: {loaded}")
        return loaded

    def get_all(self, kind: str) -> list[type]:
        """Import and return all classes of a kind; one that cannot be imported is noted as broken."""
        loaded = [self._load(registration) for _, registration in sorted(self.registrations[kind].items())]
        self.broken += [one for one in loaded if isinstance(one, Broken)]
        return [one for one in loaded if not isinstance(one, Broken)]

    def experiment(self, name: str) -> "Experiment":
        """Return the experiment of this name, whose tasks are these plugins'. Raises UserError as `get` does."""
        experiment: Experiment = self.get("experiment", name)(self)
        return experiment

    def all_experiments(self) -> "list[Experiment]":
        """Return all experiments; one that cannot be imported is noted as broken."""
        return [experiment(self) for experiment in self.get_all("experiment")]

    def task(self, name: str) -> "Task":
        """Return the task of this name, or `NAME:ARGUMENT`. Raises UserError as `get` does, and for the argument."""
        name, colon, argument = name.partition(":")
        kind: type[Task] = self.get("task", name)
        if colon:
            return kind.of(argument)
        if kind.form:
            raise UserError(f"task {name!r} needs more than its name: type {name}:{kind.form}")
        return kind()

    def _load(self, registration: Registration) -> type | Broken:
        try:
            reason = registration.missing()
            return Broken(registration.name, reason, registration.install) if reason else registration.load()
        except Exception as error:  # noqa: BLE001  whatever an import raises is that plugin's fault alone
            return Broken(registration.name, one_line(error), registration.install)

    def _register(
        self,
        kind: str,
        plugin: str,
        name: str | type,
        target: str | type | None = None,
        *,
        command: Sequence[str | os.PathLike[str]] | None = None,
        requires: Iterable[str] = (),
        install: str = "",
        peer: bool = False,
    ) -> None:
        if isinstance(name, type):
            name, target = str(getattr(name, "name")), name  # noqa: B009  the attribute is the plugin's, not type's
        if (target is None) == (command is None) or (command is not None and kind != "backend"):
            either = " or command=[...], one of them" if kind == "backend" else ""
            raise TypeError(f"register({name!r}) needs a class or 'package.module:Class'{either}")
        if name != original(name):
            raise ValueError(f"{kind} {name!r}: {SIGN} is for second names of what is registered")
        if kind == "experiment" and not SLUG.fullmatch(name):
            raise ValueError(f"an experiment's name is of small letters, digits, '.' and '-', not {name[:80]!r}")
        known = self.registrations[kind]
        if name in known:
            owners = f"{known[name].plugin!r} and {plugin!r}"
            raise UserError(f"{kind} {name!r} is registered by both {owners}: remove one, or block it with --no-plugin")
        behind = _words(name, command) if target is None else target
        known[name] = Registration(kind, name, behind, plugin, tuple(requires), install, peer)


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
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a part of a package that is not there
        return False


def disabled(blocked: Collection[str] = ()) -> set[str]:
    """Return the plugins that are blocked here or by GRADSUITE_DISABLE_PLUGINS (names separated by commas)."""
    variable = os.environ.get(DISABLE_VARIABLE, "")
    return {*blocked, *(name.strip() for name in variable.split(",") if name.strip())}


def installed() -> set[str]:
    """Return the names of all plugins that are installed, blocked or not."""
    return {point.name for point in entry_points(group=hookspecs.GROUP)}


def load(
    blocked: Collection[str] = (),
    discover: Callable[..., Iterable[EntryPoint]] = entry_points,
    kinds: Collection[str] = KINDS,
) -> Plugins:
    """Return all installed plugins except the blocked ones, or what they register of some `kinds`.

    Raises UserError for a blocked name that is no plugin's, so that a typo does not go unnoticed.
    """
    points = sorted(discover(group=hookspecs.GROUP), key=lambda point: point.name)
    unwanted = disabled(blocked)
    for name in unwanted - {point.name for point in points}:
        raise unknown("plugin", name, (point.name for point in points))
    plugins = Plugins(blocked=unwanted, kinds=kinds)
    for point in points:
        if point.name in unwanted:
            continue
        try:
            plugin = point.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001  whatever an import raises is that plugin's fault
            plugins.fail(point.name, error, f"pip install --upgrade {point.dist.name}" if point.dist else "")
        else:
            plugins.add(point.name, plugin)
    return plugins
