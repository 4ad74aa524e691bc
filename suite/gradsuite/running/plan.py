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
        if not self.groups(["any"], "any"):
            raise UserError("no cell is left: these experiments leave out every combination of these settings")

    def grid(self, experiment: Experiment) -> dict[str, list[Value]]:
        """Return the values of every setting of one experiment, each once."""
        own = {setting.name for setting in experiment.settings}
        changes = {name: values for name, values in self.changes.items() if name in own}
        return {name: list(dict.fromkeys(values)) for name, values in experiment.grid(self.preset, changes).items()}

    def peers(self) -> list[str]:
        """Return the peers that this preset compares with."""
        return list(dict.fromkeys(name for one in self.experiments for name in one.peers.get(self.preset, ())))

    def varied(self) -> set[str]:
        """Return the settings that have more than one value in some experiment."""
        return {name for one in self.experiments for name, values in self.grid(one).items() if len(values) > 1}

    def backends(self, names: Sequence[str]) -> list[str]:
        """Return the backends to measure if these are asked for, and those that an experiment wants twice."""
        return list(dict.fromkeys([*names, *(name for one in self.experiments for name in one.backends(names))]))

    def groups(self, backends: Sequence[str], device: str) -> list[list[Cell]]:
        """Return the cells, those of one setting together."""
        return [
            [Cell(experiment.name, backend, device, settings) for backend in experiment.backends(backends)]
            for experiment in self.experiments
            for settings in experiment.cells(self.grid(experiment))
        ]


def study(plugins: Plugins, names: Sequence[str], preset: str, changes: Changes) -> Study:
    """Return the study of these experiments, or of all that have the preset.

    Raises UserError for an unknown experiment, preset, setting or task, or a value that is not allowed.
    """
    classes = [plugins.get("experiment", name) for name in dict.fromkeys(names)] or plugins.get_all("experiment")
    experiments: list[Experiment] = [one() for one in classes]
    experiments = [one for one in experiments if names or not one.named]
    if not experiments:
        lost = [*map(str, plugins.broken), *(f"the plugin {name!r} is blocked" for name in plugins.blocked)]
        raise UserError(f"there is no experiment to run: {'; '.join(lost) or 'no plugin has any'}")
    presets = {name for one in experiments for name in one.presets}
    if preset not in presets:
        raise unknown("preset", preset, presets)
    planned = Study(tuple(one for one in experiments if names or preset in one.presets), preset, changes)
    for one in planned.experiments:
        for name in planned.grid(one).get("task", []):
            plugins.find("task", str(name))
    return planned


def refusal(info: BackendInfo, device: str, settings: Settings) -> str | None:
    """Return why a backend does not claim a cell, as far as the settings alone tell, or None."""
    for kind, claimed in (("device", info.devices), ("dtype", info.dtypes), ("cell", info.cells)):
        value = device if kind == "device" else settings.get(kind)
        if value is not None and value not in claimed:
            return f"{info.name} has no {kind} {value!r} (it has: {', '.join(claimed) or 'none'})"
    return None


class Keys:
    """The key of each cell: it depends on the versions of its backend and of gradsuite."""

    def __init__(self, backends: Mapping[str, BackendInfo]) -> None:
        """Take the versions from what the backends say of themselves."""
        self.versions = {name: {**info.versions, "gradsuite": __version__} for name, info in backends.items()}

    def __call__(self, cell: Cell) -> str:
        """Return the key of a cell of one of these backends."""
        return cell.key(self.versions[cell.backend])
