"""The plan of a run: experiments, their settings and backends become trials, grouped by setting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from gradsuite.backend import BackendInfo
from gradsuite.errors import NotAvailable, UserError, cause, unknown
from gradsuite.experiment import Experiment, Trial
from gradsuite.hosting import contract
from gradsuite.hosting.contained import Fault
from gradsuite.model import CELLS
from gradsuite.plugins import Plugins
from gradsuite.running.selection import Selection
from gradsuite.running.sources import digest
from gradsuite.settings import TASK, Grid, Settings
from gradsuite.tasks.pin import Pin

Changes = Grid


@dataclass(frozen=True, slots=True)
class Study:
    """Experiments with the values of each of their settings; every name and value in it is checked."""

    experiments: tuple[Experiment, ...]
    preset: str
    changes: Changes
    pins: Mapping[str, Pin] = field(default_factory=dict)  # of the tasks that read a file, by name
    files: Mapping[str, str] = field(default_factory=dict)  # digests of the files that other settings name, by name
    selection: Selection = field(default_factory=Selection)
    apart: tuple[str, ...] = ()  # experiments that this preset leaves out, since none was named

    def __post_init__(self) -> None:
        known = {setting.name for experiment in self.experiments for setting in experiment.settings}
        for name, values in self.changes.items():
            if name not in known:
                raise unknown("setting", name, known)
            if not values:
                raise UserError(f"setting {name!r} was given no value: --set {name}=V1,V2")
            self._require_one_meaning(name)
        if self.selection == Selection() and not self.groups(["any"], "any"):
            raise UserError("no trial is left: these experiments leave out every combination of these settings")

    def _require_one_meaning(self, name: str) -> None:
        """Raise UserError if two experiments understand different things by a setting that is changed for both."""
        meanings: dict[str, str] = {}
        for experiment in self.experiments:
            for setting in experiment.settings:
                if setting.name == name:
                    meanings.setdefault(setting.help, experiment.name)
        if len(meanings) > 1:
            said = "; ".join(f"{meaning!r} in {experiment}" for meaning, experiment in meanings.items())
            raise UserError(f"setting {name!r} means several things: {said}: set it for one experiment at a time")

    def grid(self, experiment: Experiment) -> dict[str, list[Any]]:
        """Return the values of every setting of one experiment, each once."""
        return grid_of(experiment, self.preset, self.changes)

    def cells(self) -> list[str]:
        """Return the cells that settings name, beside those that every backend is compared with the oracle in."""
        named = chain.from_iterable(self.grid(experiment).get("cell", ()) for experiment in self.experiments)
        return [cell for cell in dict.fromkeys(map(str, named)) if cell not in CELLS]

    def peers(self) -> list[str]:
        """Return the peers that this preset compares with."""
        peers = (experiment.peers.get(self.preset, ()) for experiment in self.experiments)
        return list(dict.fromkeys(chain.from_iterable(peers)))

    def varied(self) -> set[str]:
        """Return the settings that have more than one value in some experiment."""
        grids = map(self.grid, self.experiments)
        return {name for grid in grids for name, values in grid.items() if len(values) > 1}

    def backends(self, names: Sequence[str]) -> list[str]:
        """Return the backends to measure if these are asked for, and those that an experiment wants twice."""
        wanted = (backends_of(experiment, names) for experiment in self.experiments)
        return list(dict.fromkeys(chain(names, *wanted)))

    def groups(self, backends: Sequence[str], device: str) -> list[list[Trial]]:
        """Return the trials that are selected, those of one setting together."""
        every = [
            [Trial(experiment.name, backend, device, settings, pin, timed) for backend in measuring]
            for experiment in self.experiments
            for measuring in [backends_of(experiment, backends)]
            for settings, timed in trials_of(experiment, self.grid(experiment))
            for pin in [self.pins.get(str(settings.get("task")))]
        ]
        return [chosen for group in every if (chosen := [trial for trial in group if trial in self.selection])]

    def selecting(self, selection: Selection, backends: Sequence[str], device: str) -> "Study":
        """Return the study of the experiments of which this selection leaves a trial on these backends.

        Raises UserError if it leaves none, or selects what is not there.
        """
        selection.require(chain.from_iterable(self.groups(backends, device)))
        chosen = replace(self, selection=selection)
        left = {trial.experiment for trial in chain.from_iterable(chosen.groups(backends, device))}
        if not left:
            raise UserError("no trial is left: --exclude leaves out all that was asked for")
        return replace(chosen, experiments=tuple(one for one in self.experiments if one.name in left))


def grid_of(experiment: Experiment, preset: str, changes: Changes) -> dict[str, list[Any]]:
    """Return the values of every setting of an experiment, each once. Raises UserError, as its `grid` does."""
    names = {setting.name for setting in experiment.settings}
    of_its_own = {name: values for name, values in changes.items() if name in names}
    try:
        return contract.grid(experiment, preset, of_its_own)
    except Fault as fault:
        raise contract.named(experiment, fault) from fault


def trials_of(experiment: Experiment, grid: Grid) -> list[tuple[dict[str, Any], bool]]:
    """Return the settings of each trial, and whether it is timed. Raises NotAvailable for what are no trials."""
    try:
        return contract.trials(experiment, grid)
    except Fault as fault:
        raise contract.named(experiment, fault) from fault


def backends_of(experiment: Experiment, names: Sequence[str]) -> list[str]:
    """Return the backends that an experiment measures of these. Raises NotAvailable for what are no backends."""
    try:
        return contract.backends(experiment, names)
    except Fault as fault:
        raise contract.named(experiment, fault) from fault


def study(plugins: Plugins, names: Sequence[str], preset: str, changes: Changes) -> Study:
    """Return the study of these experiments, or of all experiments that have the preset.

    Raises UserError for an unknown experiment, preset, setting or task, or a value that is not allowed.
    """
    experiments = [plugins.experiment(name) for name in dict.fromkeys(names)] or plugins.all_experiments()
    experiments = [experiment for experiment in experiments if names or not experiment.named]
    if not experiments:
        raise nothing_to_run(plugins)
    presets = {name for experiment in experiments for name in experiment.presets}
    if preset not in presets:
        raise unknown("preset", preset, presets)
    parts = [experiment for experiment in experiments if preset in experiment.presets]
    apart = [] if names else [experiment for experiment in parts if preset in experiment.apart]
    chosen = experiments if names else [experiment for experiment in parts if experiment not in apart]
    if not names:
        chosen = [experiment for experiment in chosen if is_of_use(plugins, experiment, preset, changes)]
        if not chosen and plugins.broken:
            raise nothing_to_run(plugins)
    planned = Study(tuple(chosen), preset, changes, apart=tuple(experiment.name for experiment in apart))
    pins = [pins_of(plugins, planned.grid(experiment)) for experiment in planned.experiments]
    known = {name: pin for of_one in pins for name, pin in of_one.items()}
    return replace(planned, pins=known, files=_files(planned))


def nothing_to_run(plugins: Plugins) -> UserError:
    """Return the error for a study without experiments: which are broken, and which blocked."""
    lost = [*map(str, plugins.broken), *(f"the plugin {name!r} is blocked" for name in plugins.blocked)]
    return UserError(f"there is no experiment to run: {'; '.join(lost) or 'no plugin has any'}")


def is_of_use(plugins: Plugins, experiment: Experiment, preset: str, changes: Changes) -> bool:
    """Whether an experiment that was not named can be planned; if not, it costs only itself.

    Raises UserError for changes that it does not allow: they are the user's.
    """
    try:
        grid = grid_of(experiment, preset, changes)
        trials_of(experiment, grid)
        backends_of(experiment, sorted(plugins.backends))
    except NotAvailable as error:
        plugins.fail(experiment.name, str(error.__cause__ or error))
        return False
    if "task" not in changes:
        try:
            pins_of(plugins, grid)
        except UserError as error:
            plugins.fail(experiment.name, str(error))
            return False
    return True


def pins_of(plugins: Plugins, grid: Grid) -> dict[str, Pin]:
    """Return what the tasks of a grid are pinned to, those that read a file, by name.

    Raises UserError for a task that is not there, or whose data are of no use, or too few for these lengths.
    """
    lengths = grid.get("length", [])
    found = {name: pin_of(plugins, name, lengths) for name in map(str, grid.get("task", []))}
    return {name: pin for name, pin in found.items() if pin is not None}


def pin_of(plugins: Plugins, name: str, lengths: Sequence[int]) -> Pin | None:
    """Return what a task is pinned to, if it reads a file. Raises UserError as `pins_of` does."""
    if ":" not in name:
        plugins.find("task", name)
        return None
    task = plugins.task(name)
    if task.only_length is None:
        for length in lengths:
            contract.check_length(task, name, length)
    return task.pin


def _files(planned: Study) -> dict[str, str]:
    """Return the digests of the files that settings name, of those that take any word. Raises UserError.

    A task's are its pin's.
    """
    digests = {}
    for experiment in planned.experiments:
        grid = planned.grid(experiment)
        free = [
            one.name for one in experiment.settings if one.kind is str and not one.words() and one.name != TASK.name
        ]
        for value in chain.from_iterable(grid[name] for name in free):
            try:
                if value not in digests and Path(value).is_file():
                    digests[value] = digest(Path(value))
            except OSError as error:
                raise UserError(f"cannot read {value!r}: {cause(error)}") from error
    return digests


def refusal(info: BackendInfo, device: str, settings: Settings) -> str | None:
    """Return why a backend does not claim a trial, as far as the settings alone tell, or None."""
    for kind, claimed in (("device", info.devices), ("dtype", info.dtypes), ("cell", info.cells)):
        value = device if kind == "device" else settings.get(kind)
        by_autodiff = kind == "cell" and value is not None and info.differentiates(value)
        if value is not None and value not in claimed and not by_autodiff:
            return f"{info.name} has no {kind} {value!r} (it has: {', '.join(claimed) or 'none'})"
    return None
