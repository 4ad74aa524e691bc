"""The plan of a run: experiments, their settings and backends become cells, grouped by setting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gradsuite import __version__
from gradsuite.backend import BackendInfo
from gradsuite.errors import UserError, unknown
from gradsuite.experiment import Cell, Experiment, Settings, Value
from gradsuite.plugins import Plugins

Changes = Mapping[str, Sequence[Value]]


@dataclass(frozen=True, slots=True)
class Study:
    """Experiments with the values of each of their settings; every name and value in it is checked."""

    experiments: tuple[Experiment, ...]
    preset: str
    changes: Changes

    def __post_init__(self) -> None:
        known = {setting.name for experiment in self.experiments for setting in experiment.settings}
        for name, values in self.changes.items():
            if name not in known:
                raise unknown("setting", name, known)
            if not values:
                raise UserError(f"setting {name!r} was given no value: --set {name}=V1,V2")
        for experiment in self.experiments:
            self.grid(experiment)

    def grid(self, experiment: Experiment) -> dict[str, list[Value]]:
        """Return the values of every setting of one experiment, each once."""
        own = {setting.name for setting in experiment.settings}
        changes = {name: values for name, values in self.changes.items() if name in own}
        return {name: list(dict.fromkeys(values)) for name, values in experiment.grid(self.preset, changes).items()}

    def groups(self, backends: Sequence[str], device: str) -> list[list[Cell]]:
        """Return the cells, those of one setting together."""
        return [
            [Cell(experiment.name, backend, device, settings) for backend in backends]
            for experiment in self.experiments
            for settings in experiment.cells(self.grid(experiment))
        ]


def study(plugins: Plugins, names: Sequence[str], preset: str, changes: Changes) -> Study:
    """Return the study of these experiments, or of all that have the preset.

    Raises UserError for an unknown experiment, preset or setting, or a value that is not allowed.
    """
    chosen = [experiment(plugins, name) for name in dict.fromkeys(names)] if names else installed(plugins)
    presets = {name for one in chosen for name in one.presets}
    if preset not in presets:
        raise unknown("preset", preset, presets)
    return Study(tuple(one for one in chosen if names or preset in one.presets), preset, changes)


def experiment(plugins: Plugins, name: str) -> Experiment:
    """Return an experiment by name. Raises UserError if there is none, or if it cannot be imported."""
    registration = plugins.find("experiment", name)
    try:
        loaded: Experiment = registration.load()()
    except Exception as error:
        plugins.fail(name, error, registration.install)
        raise UserError(f"experiment {name!r} cannot be loaded: {plugins.broken[-1].reason}") from error
    return loaded


def installed(plugins: Plugins) -> list[Experiment]:
    """Return all experiments; one that cannot be imported is noted among the broken plugins."""
    found = []
    for name in sorted(plugins.experiments):
        try:
            found.append(experiment(plugins, name))
        except UserError:
            continue
    return found


def refusal(info: BackendInfo, device: str, settings: Settings) -> str | None:
    """Return why a backend does not claim a cell, as far as the settings alone tell, or None."""
    for kind, claimed in (("device", info.devices), ("dtype", info.dtypes), ("cell", info.cells)):
        value = device if kind == "device" else settings.get(kind)
        if value is not None and value not in claimed:
            return f"{info.name} has no {kind} {value!r} (it has: {', '.join(claimed) or 'none'})"
    return None


def versions(info: BackendInfo) -> dict[str, str]:
    """Return the versions that a cell's key depends on."""
    return {**info.versions, "gradsuite": __version__}
