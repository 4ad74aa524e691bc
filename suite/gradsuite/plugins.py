"""The plugin manager: finds plugins by entry point and collects what they register.

Built-in plugins load through the same entry points as anyone's. A plugin that fails costs only itself.
"""

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pluggy

from gradsuite import hookspecs
from gradsuite.alias import SIGN, original
from gradsuite.errors import UserError, one_line, unknown

if TYPE_CHECKING:
    from gradsuite.experiment import Experiment
    from gradsuite.tasks.task import Task

DISABLE_VARIABLE = "GRADSUITE_DISABLE_PLUGINS"
KINDS = ("backend", "experiment", "task")


@dataclass(frozen=True, slots=True)
class Registration:
    """A name that a plugin gave, and the class behind it, imported only when asked for."""

    kind: str
    name: str
    target: str | type
    plugin: str
    requires: tuple[str, ...] = ()
    install: str = ""
    peer: bool = False

    def missing(self) -> str | None:
        """Return why this cannot be loaded, or None; imports nothing."""
        lost = [module for module in self.requires if not _installed(module)]
        return f"{', '.join(lost)} not installed" if lost else None

    def load(self) -> type:
        """Import and return the class."""
        if isinstance(self.target, type):
            return self.target
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
    """All plugins of one process: `backends`, `experiments` and `tasks` by name, and the `broken` ones."""

    def __init__(self, plugins: Mapping[str, Any] = MappingProxyType({}), blocked: Collection[str] = ()) -> None:
        """Collect what these plugin objects register, by plugin name; `blocked` names those left out on purpose."""
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
            for kind in KINDS:
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
        """Return the task of this name. Raises UserError as `get` does."""
        task: Task = self.get("task", name)()
        return task

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
        requires: Iterable[str] = (),
        install: str = "",
        peer: bool = False,
    ) -> None:
        if isinstance(name, type):
            name, target = str(getattr(name, "name")), name  # noqa: B009  the attribute is the plugin's, not type's
        if target is None:
            raise TypeError(f"register({name!r}) needs a class or 'package.module:Class'")
        if name != original(name):
            raise ValueError(f"{kind} {name!r}: {SIGN} is for second names of what is registered")
        known = self.registrations[kind]
        if name in known:
            owners = f"{known[name].plugin!r} and {plugin!r}"
            raise UserError(f"{kind} {name!r} is registered by both {owners}: remove one, or block it with --no-plugin")
        known[name] = Registration(kind, name, target, plugin, tuple(requires), install, peer)


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


def load(blocked: Collection[str] = (), discover: Callable[..., Iterable[EntryPoint]] = entry_points) -> Plugins:
    """Return all installed plugins except the blocked ones.

    Raises UserError for a blocked name that is no plugin's, so that a typo does not go unnoticed.
    """
    points = sorted(discover(group=hookspecs.GROUP), key=lambda point: point.name)
    unwanted = disabled(blocked)
    for name in unwanted - {point.name for point in points}:
        raise unknown("plugin", name, (point.name for point in points))
    plugins = Plugins(blocked=unwanted)
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
