"""What a backend is and what it claims, as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gradsuite.batch import OPTIONAL
from gradsuite.errors import unknown
from gradsuite.model import ACTIVATIONS, LOSSES, READOUTS, Model
from gradsuite.schedule import Schedule

STATE_GRADIENTS = ("states", "cell_states")  # the fields of Gradients that `forward(..., states=True)` fills
# Optional: what a backend may claim beyond the rest. `lengths`, `state` and `masks` are what a batch may have besides
# inputs and targets; `autodiff` is any registered cell, from its equations.
FEATURES = ("stack", "truncation", "checkpoint", "scan", *OPTIONAL, "bidirectional", "autodiff")


@dataclass(frozen=True, slots=True)
class BackendInfo:
    """What a backend is and what it claims; whatever is not claimed is refused as `unsupported`.

    `versions` maps each package that computes to its version; `activations` is by cell; `features` are of FEATURES.
    A backend without state gradients (`state_gradients=()`) raises Unsupported if a forward pass is asked for them; one
    with `states` alone leaves `cell_states` None. `libraries` says what it computes with, one line per library, such
    as `torch: MKL 2024.2`; the worker adds the BLAS and thread pools that it finds of these packages.

    Raises UserError for an unknown feature: misspelled, it would never be used, and nothing would say why. For an
    unknown field too: whoever types `gradsuite check` reads one line, and no traceback of a dataclass.
    """

    name: str
    versions: Mapping[str, str]
    devices: tuple[str, ...]
    dtypes: tuple[str, ...]
    cells: tuple[str, ...]
    activations: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(ACTIVATIONS))
    readouts: tuple[str, ...] = READOUTS
    losses: tuple[str, ...] = LOSSES
    max_layers: int | None = None
    state_gradients: tuple[str, ...] = STATE_GRADIENTS
    features: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()

    def __new__(cls, *_: Any, **fields: Any) -> "BackendInfo":
        """Refuse a misspelled field by the nearest name, before the dataclass's own `__init__` sees it."""
        for name in fields:
            if name not in cls.__slots__:
                raise unknown("field of BackendInfo", name, cls.__slots__)
        return object.__new__(cls)

    def __post_init__(self) -> None:
        for feature in self.features:
            if feature not in FEATURES:
                raise unknown(f"feature of {self.name}", feature, FEATURES)

    def differentiates(self, cell: str) -> bool:
        """Whether this cell runs by autodiff, from its equations: one that is not written by hand."""
        return "autodiff" in self.features and cell not in self.cells

    def refusal(
        self,
        model: Model,
        device: str,
        dtype: str,
        schedule: Schedule = Schedule(),
        *,
        stacked: bool = False,
        batch: Sequence[str] = (),
    ) -> str | None:
        """Return why this model on this device in this dtype is not claimed, or None if it is.

        `schedule`, `stacked` (parameters with a leading axis of networks), what a `batch` has besides inputs and
        targets (its `features`), and bidirectional layers need features of their own.
        """
        of_model = ("bidirectional",) if model.bidirectional else ()
        features = (*(("stack",) if stacked else ()), *schedule.features, *batch, *of_model)
        of_cell: tuple[tuple[str, str, Sequence[str]], ...] = (
            ("cell", model.cell, self.cells),
            ("activation", model.activation, self.activations.get(model.cell, ())),
        )
        wanted = (
            ("device", device, self.devices),
            ("dtype", dtype, self.dtypes),
            *(() if self.differentiates(model.cell) else of_cell),
            ("readout", model.readout, self.readouts),
            ("loss", model.loss, self.losses),
            *(("feature", feature, self.features) for feature in features),
        )
        for kind, value, claimed in wanted:
            if value not in claimed:
                return f"{self.name} has no {kind} {value!r} (it has: {', '.join(claimed) or 'none'})"
        splits = [feature for feature in schedule.features if feature != "scan"]
        if splits and self.differentiates(model.cell):
            return f"{self.name} has no {' and '.join(splits)} for cells by autodiff, such as {model.cell!r}"
        if model.bidirectional and (stacked or splits):
            against = "a stack" if stacked else splits[0]
            return f"bidirectional layers read the whole sequence, one network at a time: give no {against}"
        if self.max_layers is not None and model.num_layers > self.max_layers:
            return f"{self.name} has at most {self.max_layers} layers, not {model.num_layers}"
        return None
