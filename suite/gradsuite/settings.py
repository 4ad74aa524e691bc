"""Settings: what can be set of an experiment, and those that many experiments share."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from gradsuite.cells import installed
from gradsuite.errors import VALUE, UserError, quoted, shortened, unknown
from gradsuite.rows import RESERVED

Settings = Mapping[str, Any]  # one trial's values by name, each of its setting's kind
Grid = Mapping[str, Sequence[Any]]  # values of every setting: their product is an experiment's trials
Presets = Mapping[str, Grid]

LARGEST = 1e9  # no number of an experiment means anything beyond it


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be set: `--set NAME=V1,V2` sweeps it.

    `minimum` (exclusively if `above`) and `maximum` bound a number; `choices` lists the words allowed, and `registered`
    returns them where plugins decide. Of a `size`, more takes longer: a trial that is larger than one that timed out is
    not tried. One name has one meaning, and so one `help`, in all experiments of a run that sets it. Raises ValueError
    for a name that a run's rows already use.
    """

    name: str
    kind: type[str] | type[int] | type[float]
    help: str
    choices: tuple[str, ...] = ()
    minimum: float = -LARGEST
    above: bool = False
    maximum: float = LARGEST
    registered: Callable[[], Collection[str]] | None = None
    size: bool = False

    def __post_init__(self) -> None:
        if self.name in RESERVED:
            raise ValueError(f"a setting cannot be called {self.name!r}: rows have a column of that name")

    def words(self) -> tuple[str, ...]:
        """Return the words allowed, none where any word is."""
        return self.choices if self.registered is None else tuple(self.registered())

    def parse(self, text: Any) -> Any:
        """Return the value of this kind. Raises UserError if it is not one, or not allowed."""
        if self.kind is str:
            if (words := self.words()) and text not in words:
                raise unknown(self.name, text, words)
            return str(text)
        try:
            value = self.kind(text)
            exact = isfinite(float(value)) and (isinstance(text, str) or value == text) and not isinstance(text, bool)
        except (ValueError, TypeError, OverflowError):
            exact = False
        if not exact:
            kind = "a whole number" if self.kind is int else "a number"
            raise UserError(f"{self.name} must be {kind}, not {quoted(text)}")
        number = float(value)
        if number <= self.minimum if self.above else number < self.minimum:
            raise self._beyond(f"{'more than' if self.above else 'at least'} {self.minimum:.10g}", text)
        if number > self.maximum:
            raise self._beyond(f"at most {self.maximum:.10g}", text)
        return value

    def _beyond(self, bound: str, text: Any) -> UserError:
        return UserError(f"{self.name} must be {bound}, not {shortened(str(text), VALUE)}")


DTYPES = ("float64", "float32", "bfloat16", "float16")

BATCH_SIZE = Setting("batch_size", int, "sequences or examples per batch", minimum=1, maximum=1e7, size=True)
DTYPE = Setting("dtype", str, "precision", choices=DTYPES)
GAIN = Setting("gain", float, "gain of the recurrent (rnn, lstm, gru) or layer (mlp) weights", minimum=0, above=True)
HIDDEN_SIZE = Setting("hidden_size", int, "units per layer", minimum=1, maximum=1e6, size=True)
LAGS = Setting("lags", int, "steps back in time", minimum=1, maximum=1e6, size=True)
LENGTH = Setting("length", int, "time steps T", minimum=1, maximum=1e7, size=True)
NOISE = Setting("noise", float, "variance s^2 of the noise in every unit", minimum=0)
NUM_LAYERS = Setting("num_layers", int, "layers", minimum=1, maximum=1e5, size=True)
ROUNDS = Setting("rounds", int, "timing samples", minimum=1, maximum=1e6)
SEED = Setting("seed", int, "seed of parameters and batches", minimum=0, maximum=2**32 - 1)
SEEDS = Setting("seeds", int, "random networks drawn per combination of settings", minimum=1, maximum=1e6, size=True)
TASK = Setting("task", str, "where batches come from: gradsuite tasks")


def activation(*choices: str) -> Setting:
    """Return the setting of the hidden layers' activation."""
    return Setting("activation", str, "activation of the hidden layers", choices)


def cell(*choices: str) -> Setting:
    """Return the setting of the network's cell."""
    return Setting("cell", str, "network cell", choices)


def any_cell() -> Setting:
    """Return the setting of the network's cell, any that a plugin registers."""
    return Setting("cell", str, "network cell", registered=installed)


def any_recurrent_cell() -> Setting:
    """Return the setting of the network's cell, any registered one that unrolls over time."""
    return Setting("cell", str, "network cell", registered=_recurrent)


def _recurrent() -> list[str]:
    return [name for name, one in installed().items() if one.recurrent]


def initialiser(*choices: str) -> Setting:
    """Return the setting of how weights are drawn."""
    return Setting("initialiser", str, "how the weights are drawn", choices)


def settings_label(settings: Settings) -> str:
    """Return settings in one line: `gain=1.5 hidden_size=64`."""
    return " ".join(f"{name}={value}" for name, value in settings.items())
