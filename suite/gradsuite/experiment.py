"""What an experiment is: a question, its settings, how one cell is measured, its figures and tables."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar

from gradsuite.errors import UserError, unknown

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as MatplotlibFigure

    from gradsuite.backend import Backend
    from gradsuite.claims import Claim

Value = str | int | float
Settings = Mapping[str, Value]
PRESETS = ("quick", "standard", "full")
STATUSES = ("ok", "unsupported", "invalid", "timeout", "error")


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be set: `--set NAME=V1,V2` sweeps it.

    `minimum` bounds a number (exclusively if `above`); `choices` lists the words allowed.
    """

    name: str
    kind: type[str] | type[int] | type[float]
    help: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    above: bool = False

    def parse(self, text: Value) -> Value:
        """Return the value of this kind. Raises UserError if it is not one, or not allowed."""
        if self.kind is str:
            if self.choices and text not in self.choices:
                raise unknown(self.name, text, self.choices)
            return str(text)
        try:
            value = self.kind(text)
            exact = isfinite(float(value)) and (isinstance(text, str) or value == text) and not isinstance(text, bool)
        except (ValueError, TypeError, OverflowError):
            exact = False
        if not exact:
            raise UserError(f"{self.name} must be {'a whole number' if self.kind is int else 'a number'}, not {text!r}")
        number = float(value)
        if self.minimum is not None and (number <= self.minimum if self.above else number < self.minimum):
            raise UserError(
                f"{self.name} must be {'more than' if self.above else 'at least'} {self.minimum:g}, not {text}"
            )
        return value


# What nearly every experiment has, so that one word means one thing.
SEED = Setting("seed", int, "seed of parameters and batches", minimum=0)
DTYPE = Setting("dtype", str, "precision", choices=("float64", "float32", "bfloat16", "float16"))
BATCH_SIZE = Setting("batch_size", int, "sequences or examples in a batch", minimum=1)
LENGTH = Setting("length", int, "time steps T", minimum=1)
HIDDEN_SIZE = Setting("hidden_size", int, "units a layer", minimum=1)
NUM_LAYERS = Setting("num_layers", int, "layers", minimum=1)
TASK = Setting("task", str, "where batches come from: gradsuite tasks")
GAIN = Setting("gain", float, "gain of the recurrent (rnn, lstm, gru) or layer (mlp) weights", minimum=0, above=True)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measured number of one cell: `index` counts time steps, lags or repeats; `layer` counts layers from 0."""

    metric: str
    value: float
    unit: str = ""
    index: int | None = None
    layer: int | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """The smallest unit of work that is run, stored, resumed and retried: one experiment, backend and setting."""

    experiment: str
    backend: str
    device: str
    settings: Settings

    def key(self, versions: Mapping[str, str]) -> str:
        """Return a hash of what is measured and with which versions, not of where or when."""
        identity = [self.experiment, self.backend, self.device, dict(self.settings), dict(versions)]
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawn figure: a file name without ending, what it shows in a sentence, and the figure."""

    name: str
    caption: str
    figure: "MatplotlibFigure"


@dataclass(frozen=True, slots=True)
class Table:
    """A summary table for the report: a title, what it shows in a sentence, and the rows as they are printed."""

    title: str
    caption: str
    rows: "pd.DataFrame"


class Experiment(ABC):
    """A question. It lists its settings, measures one cell, and draws its figures.

    `presets` gives, for each preset, the values of every setting; their product is the experiment's cells.
    """

    name: ClassVar[str]
    question: ClassVar[str]
    settings: ClassVar[tuple[Setting, ...]]
    presets: ClassVar[Mapping[str, Mapping[str, Sequence[Value]]]]
    named: ClassVar[bool] = False  # run only when it is named, not as a part of its presets
    peers: ClassVar[Mapping[str, tuple[str, ...]]] = {}  # by preset: peers that it measures too if no backend is named

    def grid(self, preset: str, changes: Mapping[str, Sequence[Value]]) -> dict[str, list[Value]]:
        """Return the values of every setting: the preset's, or those asked for. Raises UserError."""
        if preset not in self.presets:
            raise unknown(f"preset of {self.name}", preset, self.presets)
        known = {setting.name: setting for setting in self.settings}
        for name in changes:
            if name not in known:
                raise unknown(f"setting of {self.name}", name, known)
        return {
            name: [setting.parse(value) for value in changes.get(name, self.presets[preset][name])]
            for name, setting in known.items()
        }

    def cells(self, grid: Mapping[str, Sequence[Value]]) -> Iterator[dict[str, Value]]:
        """Yield the settings of each cell: the product of the grid; override it to leave combinations out."""
        for values in product(*grid.values()):
            yield dict(zip(grid, values, strict=True))

    def backends(self, names: Sequence[str]) -> list[str]:
        """Return what to measure of the backends asked for; `NAME@2` is NAME in a second worker of its own."""
        return list(names)

    @abstractmethod
    def measure(self, backend: "Backend", device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure one cell in a worker; each `yield` ends a round.

        Rounds of one setting are interleaved over the backends in shuffled order, so that drift hits all alike. An
        experiment that does not time anything yields once. `Unsupported` makes the cell `unsupported`, `UserError`
        `invalid`.
        """

    def findings(self, rows: "pd.DataFrame") -> Iterator[str]:
        """Yield what the rows show, a sentence each, the most useful first; the report opens with them."""
        return iter(())

    def figures(self, rows: "pd.DataFrame") -> Iterator[Figure]:
        """Yield figures drawn from this experiment's rows; settings are columns, beside those of the store."""
        return iter(())

    def tables(self, rows: "pd.DataFrame") -> Iterator[Table]:
        """Yield summary tables made from this experiment's rows."""
        return iter(())

    def claims(self, rows: "pd.DataFrame") -> "Iterator[Claim]":
        """Yield what this experiment's rows prove or disprove, for each backend that measured it."""
        return iter(())


def settings_label(settings: Mapping[str, Any]) -> str:
    """Return settings in one line: `gain=1.5 hidden_size=64`."""
    return " ".join(f"{name}={value}" for name, value in settings.items())
