"""The plugin manager: finds plugins by entry point and collects what they register.

Built-in plugins load through the same entry points as anyone's, before all others: a name of theirs stays theirs. A
plugin that fails costs only itself.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pluggy

from gradsuite import hookspecs
from gradsuite.alias import original
from gradsuite.errors import NotAvailable, UserError, unknown
from gradsuite.hosting import contract, witness
from gradsuite.hosting.classes import Made, Make, class_of, made
from gradsuite.hosting.contained import Fault, asked, contained
from gradsuite.hosting.hooks import Hooks
from gradsuite.hosting.points import disabled, distribution, handle, key, unblocked, upgrade
from gradsuite.hosting.registration import KINDS, Broken, Registration, registered, require_new
from gradsuite.hosting.rehearsal import rehearse
from gradsuite.plain import plain

if TYPE_CHECKING:
    from gradsuite.experiment import Experiment
    from gradsuite.tasks.task import Task


class Plugins:
    """All plugins of one process: what they registered by kind and name, and the `broken` ones."""

    def __init__(
        self,
        plugins: Mapping[str, Any] = MappingProxyType({}),
        blocked: Collection[str] = (),
        kinds: Collection[str] = KINDS,
        *,
        found: bool = False,
    ) -> None:
        """Collect what these plugin objects register, by plugin name; `blocked` names those left out.

        Of other `kinds` nothing is collected, and no clash of names is noticed. They are `found` if another process has
        them too, once it calls `load`.
        """
        self.kinds = kinds
        self.blocked = sorted(blocked)
        self.built_in: set[str] = set()  # plugins of which nothing is rehearsed
        self.found = found
        self.manager = pluggy.PluginManager(hookspecs.GROUP)
        self.manager.add_hookspecs(hookspecs)
        self.broken: list[Broken] = []
        self.hooks = Hooks(self.manager)
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
        """Register one plugin object; a hook it misspells or a name that another plugin has makes it broken."""
        before = {kind: dict(known) for kind, known in self.registrations.items()}
        try:
            contained(self._register, name, plugin)
        except Fault as fault:
            self.registrations = before
            if self.manager.get_plugin(name) is plugin:
                self.manager.unregister(name=name)
            self.fail(name, str(fault))

    def fail(self, name: str, reason: str, install: str = "") -> None:
        """Note, once, that this plugin or what it registered is broken, and why."""
        if (lost := Broken(plain(name), plain(reason), plain(install))) not in self.broken:
            self.broken.append(lost)

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
                raise NotAvailable(f"not available: {lost}")
        if self.blocked:
            raise UserError(f"{unknown(kind, name, known)}, with these plugins blocked: {', '.join(self.blocked)}")
        raise unknown(kind, name, known)

    def get(self, kind: str, name: str) -> type:
        """Import and return a class by name. Raises UserError if there is none, NotAvailable if it is of no use."""
        trial = self._sound if kind == "experiment" else class_of  # what the host will do with it
        (loaded,) = made([self.find(kind, name)], class_of, self.built_in, trial)
        if isinstance(loaded, Broken):
            raise NotAvailable(f"not available: {loaded}")
        return loaded

    def get_all(self, kind: str) -> list[type]:
        """Import and return all classes of a kind; one that is of no use is noted as broken."""
        return self._all(kind, class_of)

    def experiment(self, name: str) -> "Experiment":
        """Return the experiment of this name, whose tasks are these plugins'. Raises UserError as `get` does."""
        kind: type[Experiment] = self.get("experiment", name)
        try:
            with witness.calling(f"the experiment {original(name)!r}"):
                return contained(kind, self)
        except Fault as fault:
            raise NotAvailable(f"not available: {original(name)}: {fault}") from fault

    def all_experiments(self) -> "list[Experiment]":
        """Return all experiments; one that is of no use, or a preset of which is not, is noted as broken."""
        return self._all("experiment", self._sound)

    def task(self, name: str) -> "Task":
        """Return the task of this name, or `NAME:ARGUMENT`. Raises UserError as `get` does, and for the argument."""
        name, colon, argument = name.partition(":")
        kind: type[Task] = self.get("task", name)
        if kind.form and not colon:
            raise UserError(f"task {name!r} needs more than its name: type {name}:{kind.form}")
        try:
            with witness.calling(f"the task {name!r}"):
                return asked(kind.of, argument) if colon else asked(kind)
        except Fault as fault:
            raise NotAvailable(f"not available: {name}: {fault}") from fault

    def _sound(self, registration: Registration) -> "Experiment":
        """Return an experiment, the trials of whose presets can be listed. Raises Fault."""
        experiment: Experiment = contained(class_of(registration), self)
        contract.require_presets(experiment, sorted(self.backends))
        return experiment

    def _all(self, kind: str, make: Make[Made]) -> list[Made]:
        """Return what is made of all registrations of a kind; what is of no use is noted as broken."""
        every = made(
            [registration for _, registration in sorted(self.registrations[kind].items())], make, self.built_in
        )
        for lost in every:
            if isinstance(lost, Broken):
                self.fail(lost.name, lost.reason, lost.install)
        return [one for one in every if not isinstance(one, Broken)]

    def _register(self, name: str, plugin: Any) -> None:
        self.manager.register(plugin, name)
        self.manager.check_pending()
        others = [other for other in self.manager.get_plugins() if other is not plugin]
        for kind in self.kinds:

            def register(*entry: Any, kind: str = kind, **more: Any) -> None:
                self._take(registered(kind, name, *entry, **more))

            self.manager.subset_hook_caller(f"register_{kind}s", others)(register=register)

    def _take(self, entry: Registration) -> None:
        known = self.registrations[entry.kind]
        require_new(entry, known)
        known[entry.name] = entry


def load(
    blocked: Collection[str] = (),
    discover: Callable[..., Iterable[EntryPoint]] = entry_points,
    kinds: Collection[str] = KINDS,
) -> Plugins:
    """Return all installed plugins except the blocked ones, or what they register of some `kinds`.

    One that would end this process is broken, and blocked from here on. Raises UserError for a blocked name that is no
    plugin's.
    """
    unwanted = disabled(blocked)
    built_in, others = unblocked(unwanted, discover)
    witness.attend([point.name for point in others])
    plugins = Plugins(blocked=unwanted, kinds=kinds, found=discover is entry_points)
    for point in built_in:
        _load_point(plugins, point)
        plugins.built_in.add(point.name)
    endings = rehearse({key(point): partial(_try_point, plugins, point) for point in others})
    for point in others:
        if ending := endings.get(key(point)):
            plugins.fail(point.name, ending, upgrade(point))
            plugins.blocked.append(handle(point, [*built_in, *others]))
        else:
            _load_point(plugins, point)
    return plugins


def _try_point(plugins: Plugins, point: EntryPoint) -> None:
    """Load one plugin in a copy of this process, and the classes of its cells: every worker imports those."""
    _load_point(plugins, point)
    made([cell for cell in plugins.cells.values() if cell.plugin == point.name], class_of, [point.name])


def _load_point(plugins: Plugins, point: EntryPoint) -> None:
    """Import one plugin and add it; what fails is noted."""
    owner = distribution(point)
    if plugins.manager.has_plugin(point.name):
        plugins.fail(
            point.name,
            f"the distribution {owner!r} has a plugin of the same name, which is left out: remove it, or block "
            f"it with --no-plugin {owner}",
        )
        return
    try:
        with witness.calling(f"the plugin {point.name!r}"):
            plugins.add(point.name, contained(point.load))
    except Fault as fault:
        plugins.fail(point.name, str(fault), upgrade(point))
