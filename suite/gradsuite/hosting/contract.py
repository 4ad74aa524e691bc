"""What a registered class must be to serve as an experiment, a task or a cell: looked at before anyone relies on it."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from math import prod
from typing import TYPE_CHECKING, Any, TypeVar

from gradsuite.alias import SLUG, original
from gradsuite.errors import NotAvailable, UserError
from gradsuite.hosting.contained import Fault, asked
from gradsuite.hosting.witness import calling

if TYPE_CHECKING:
    from gradsuite.experiment import Experiment
    from gradsuite.settings import Grid
    from gradsuite.tasks.task import Task

T = TypeVar("T")
VALUES = (str, int, float)  # what a setting's value is


def require(kind: str, name: str, cls: Any) -> None:
    """Raise TypeError or ValueError unless a class is what one registered as `name` of this kind must be."""
    if not isinstance(cls, type):
        raise TypeError(f"what is registered is no class: {cls!r:.80}")
    {"backend": _backend, "cell": _cell, "experiment": _experiment, "task": _task}[kind](name, cls)


def require_presets(experiment: "Experiment", names: Sequence[str]) -> None:
    """Raise Fault unless the trials of every preset can be listed, and which of these backends it measures."""
    for preset in experiment.presets:
        try:
            trials(experiment, grid(experiment, preset, {}))
        except (Fault, UserError) as error:
            raise Fault(f"its preset {preset!r}: {error}") from error
    try:
        backends(experiment, names)
    except UserError as error:
        raise Fault(f"its backends: {error}") from error


def grid(experiment: "Experiment", preset: str, changes: "Grid") -> dict[str, list[Any]]:
    """Return the values of every setting, each once. Raises UserError as the experiment does, and Fault."""

    def given() -> dict[str, list[Any]]:
        found = {name: list(dict.fromkeys(values)) for name, values in experiment.grid(preset, changes).items()}
        if found.keys() != {setting.name for setting in experiment.settings}:
            raise ValueError(f"its grid has other settings than it has: {', '.join(map(str, found))[:80]}")
        return found

    return _asked(experiment, given)


def trials(experiment: "Experiment", grid: "Grid") -> list[tuple[dict[str, Any], bool]]:
    """Return the settings of each trial, and whether it is timed. Raises UserError as the experiment does, and Fault.

    There are as many as the grid has combinations, at most: one that lists trials without end is stopped there.
    """
    most = prod(map(len, grid.values()))

    def listed() -> list[tuple[dict[str, Any], bool]]:
        found = list(islice(experiment.trials(grid), most + 1))
        if len(found) > most:
            raise ValueError(f"it lists more trials than its settings have combinations ({most})")
        for settings in found:
            _require_settings(settings, grid)
        return [(settings, bool(experiment.times(settings))) for settings in found]

    return _asked(experiment, listed)


def backends(experiment: "Experiment", names: Sequence[str]) -> list[str]:
    """Return the backends to measure if these are asked for. Raises UserError as the experiment does, and Fault."""

    def chosen() -> list[str]:
        found = list(experiment.backends(names))
        known = set(map(original, names))
        if strange := [name for name in found if not isinstance(name, str) or original(name) not in known]:
            raise ValueError(
                f"it asks for the backend {strange[0]!r:.80}, which is not among those that it may measure"
            )
        return found

    return _asked(experiment, chosen)


def check_length(task: "Task", name: str, length: int) -> None:
    """Raise UserError as a task does for a length that it cannot have, and NotAvailable for whatever else it does."""
    try:
        with calling(f"the task {name!r}"):
            asked(task.check_length, length)
    except Fault as fault:
        raise NotAvailable(f"not available: {name}: {fault}") from fault


def named(experiment: "Experiment", fault: Fault) -> NotAvailable:
    """Return the error of an experiment that turned out to be of no use."""
    return NotAvailable(f"not available: {experiment.name}: {fault}")


def _asked(experiment: "Experiment", answer: Callable[[], T]) -> T:
    """Return what an experiment answers. Raises UserError as it does, and Fault."""
    with calling(f"the experiment {experiment.name!r}"):
        return asked(answer)


def _require_settings(settings: Any, grid: "Grid") -> None:
    if not isinstance(settings, dict):
        raise TypeError(f"a trial's settings are a dict, not {settings!r:.80}")
    if strange := [name for name in settings if name not in grid]:
        raise ValueError(f"a trial sets what is no setting: {strange[0]!r:.80}")
    for name, value in settings.items():
        if not isinstance(value, VALUES):
            raise TypeError(
                f"a trial's {name!r} is a {' or '.join(kind.__name__ for kind in VALUES)}, not {value!r:.80}"
            )


def _backend(name: str, cls: type) -> None:
    """Its worker asks it what it is; here nothing else is known of it."""


def _experiment(name: str, cls: type) -> None:
    from gradsuite.compared import Benchmark, Compared
    from gradsuite.experiment import Experiment
    from gradsuite.settings import Setting
    from gradsuite.topic import Topic

    _require_kind(cls, Experiment, name)
    _require_attributes(cls, question=str, topic=Topic, timed=bool, named=bool, presets=Mapping, peers=Mapping)
    _require_attributes(cls, benchmark=Benchmark | None)
    settings = _several(cls, "settings", Setting)
    for setting in settings:
        if not (isinstance(setting.name, str) and setting.name.isidentifier() and isinstance(setting.help, str)):
            raise ValueError(f"a setting's name is a word, and its help a sentence: {setting.name!r:.80}")
        if setting.kind not in VALUES:
            raise TypeError(f"the setting {setting.name!r} is of kind str, int or float, not {setting.kind!r:.80}")
    _several(cls, "apart", str)
    _several(cls, "compared", Compared)
    presets: Mapping[Any, Any] = getattr(cls, "presets")  # noqa: B009
    if not presets:
        raise ValueError("it has no preset")
    for preset, values in presets.items():
        _require_preset(preset, values, [setting.name for setting in settings])
    for preset, peers in getattr(cls, "peers").items():  # noqa: B009
        if isinstance(peers, str) or not all(isinstance(peer, str) for peer in peers):
            raise TypeError(f"its peers of {preset!r} are names of backends in a list")


def _require_preset(preset: Any, values: Any, settings: Sequence[str]) -> None:
    if not (isinstance(preset, str) and SLUG.fullmatch(preset)):
        raise ValueError(f"a preset's name is of small letters, digits, '.' and '-', not {preset!r:.80}")
    if not isinstance(values, Mapping):
        raise TypeError(f"the preset {preset!r} has values by setting, not {values!r:.80}")
    for setting in settings:
        given = values.get(setting)
        if not isinstance(given, list | tuple | range) or not given:
            raise ValueError(f"the preset {preset!r} has no list of values of the setting {setting!r}")


def _task(name: str, cls: type) -> None:
    from gradsuite.model import LOSSES, READOUTS
    from gradsuite.tasks.score import Score
    from gradsuite.tasks.task import Task

    _require_kind(cls, Task, name)
    _require_attributes(cls, summary=str, source=str, form=str, supply=str)
    if getattr(cls, "form"):  # noqa: B009  what else it is, only what follows its name tells
        return
    made: Any = cls()
    for attribute, allowed in (("loss", LOSSES), ("readout", READOUTS)):
        if getattr(made, attribute, None) not in allowed:
            raise ValueError(f"its {attribute} is one of {', '.join(allowed)}")
    _require_attributes(made, input_size=int, output_size=int, only_length=int | None, solved=int | float | None)
    if made.input_size < 1 or made.output_size < 0:
        raise ValueError("its input_size is at least 1, its output_size at least 0")
    if not isinstance(made.score, Score):
        raise TypeError("its score is a Score")


def _cell(name: str, cls: type) -> None:
    from gradsuite.cells.cell import Cell

    _require_kind(cls, Cell, name)
    _require_attributes(cls, source=str, recurrent=bool, keep_gate=int | None, input_gate=int | None)
    if len(_several(cls, "states", str)) not in (1, 2):
        raise ValueError("its states are one or two names")
    if not _several(cls, "activations", str):
        raise ValueError("its activations are names, one at least")
    cls()


def _require_kind(cls: type, base: type, name: str) -> None:
    """Raise unless this is a class of the kind, complete, and called as it is registered."""
    if not issubclass(cls, base):
        raise TypeError(f"{cls.__name__} is no subclass of gradsuite's {base.__name__}")
    if inspect.isabstract(cls):
        lacking: Iterable[str] = getattr(cls, "__abstractmethods__")  # noqa: B009  type has none
        raise TypeError(f"{cls.__name__} does not define {', '.join(sorted(lacking))}")
    if (own := getattr(cls, "name", None)) != name:
        raise ValueError(f"{cls.__name__} is registered as {name!r}, and its name is {own!r:.80}")


def _require_attributes(owner: Any, **kinds: Any) -> None:
    for attribute, kind in kinds.items():
        if not hasattr(owner, attribute):
            raise TypeError(f"it has no {attribute}")
        if not isinstance(value := getattr(owner, attribute), kind):
            raise TypeError(f"its {attribute} is a {getattr(kind, '__name__', kind)}, not {value!r:.80}")


def _several(cls: type, attribute: str, kind: Any) -> Sequence[Any]:
    """Return the values of an attribute that is a tuple or list of this kind, no two of one name."""
    values = getattr(cls, attribute, None)
    if not isinstance(values, tuple | list):
        raise TypeError(f"its {attribute} are a tuple, not {values!r:.80}")
    if strange := [value for value in values if not isinstance(value, kind)]:
        raise TypeError(f"one of its {attribute} is no {getattr(kind, '__name__', kind)}: {strange[0]!r:.80}")
    names = [getattr(value, "name", value) for value in values]
    if len(set(map(str, names))) < len(names):
        raise ValueError(f"two of its {attribute} are the same")
    return values
