"""A network whose parameters are NumPy arrays."""

from collections.abc import Mapping
from dataclasses import replace
from operator import is_
from typing import ClassVar
from weakref import finalize

import numpy as np
from gradsuite.backend import Batch, Gradients, Network, Tape
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.schedule import Schedule

from gradsuite_numpy.arrays import Array
from gradsuite_numpy.loss import LOSSES, over_valid
from gradsuite_numpy.members import Members, parts_of
from gradsuite_numpy.mlp import Mlp
from gradsuite_numpy.recurrent import Recurrent
from gradsuite_numpy.workspace import Workspace

Layers = Mlp | Recurrent | Members


class NumpyNetwork(Network):
    """Forward and backward pass written by hand. Overflow and NaN are data here: there are no warnings."""

    batch_features: ClassVar[tuple[str, ...]] = ("lengths", "state", "masks")

    def __init__(
        self, model: Model, parameters: Mapping[str, np.ndarray], *, device: str, dtype: str, schedule: Schedule
    ) -> None:
        """Copy the parameters; `schedule` says how backward is split over time."""
        super().__init__(model, {n: np.array(p, dtype) for n, p in parameters.items()}, device=device, dtype=dtype)
        self.schedule = schedule
        self.spare: list[Workspace] = []
        self.prepared: tuple[tuple[Array, ...], Layers] | None = None

    def put(self, batch: Batch) -> Batch:
        """Copy a batch, floats in this network's dtype. Raises UserError for shapes and classes not the model's."""
        self.check_shapes(batch)
        classes = self.model.loss == "cross_entropy"
        batch = batch.without_padding(self.model)
        copy = Batch(self.copy(batch.inputs), np.array(batch.targets, np.intp if classes else self.dtype, order="C"))
        if classes:
            self.check_classes(copy.targets)
        if not batch.features:
            return copy
        padded = batch.lengths is not None and not batch.valid.all()  # whole sequences need no lengths
        return replace(
            copy,
            lengths=np.array(batch.lengths, np.intp) if padded else None,
            state=None if batch.state is None else tuple(map(self.copy, batch.state)),
            masks=None if batch.masks is None else self.copy(batch.masks),
        )

    def copy(self, array: np.ndarray) -> Array:
        """Return a contiguous copy in this network's dtype."""
        return np.array(array, self.dtype, order="C")

    def check_shapes(self, batch: Batch) -> None:
        """Raise UserError for inputs and targets that are not the model's, a stack's axis aside."""
        axes = 3 if self.model.recurrent else 2
        shape, targets_shape = np.shape(batch.inputs), np.shape(batch.targets)
        if len(shape) - axes not in (0, self.stacked) or shape[-1] != self.model.input_size or 0 in shape:
            names = "(T, B, " if self.model.recurrent else "(B, "
            raise UserError(f"inputs must be {names}{self.model.input_size}), not {shape}")
        targets = self.model.targets_shape(shape[-axes:])
        if targets_shape[len(targets_shape) - len(targets) :] != targets:
            raise UserError(f"targets must be {targets}, not {targets_shape}")

    def check_classes(self, targets: Array) -> None:
        """Raise UserError for classes out of range."""
        low, high = targets.min(), targets.max()
        if low < 0 or high >= self.model.output_width:
            raise UserError(f"classes must be 0 to {self.model.output_width - 1}, not {low} to {high}")

    def forward(self, batch: Batch, *, states: bool = False) -> Tape:
        """Compute the loss and outputs; the tape owns its workspace until it is used up or dropped."""
        workspace = self.spare.pop() if self.spare else Workspace(self.dtype)
        with np.errstate(all="ignore"):
            running = self.prepare().start(batch, workspace, states=states)
            loss, dy = self.loss(running.outputs, batch)
        finalize(running, self.spare.append, workspace).atexit = False
        return Tape(loss, running.outputs, (running, dy), last_state=running.last_state)

    def loss(self, outputs: Array, batch: Batch) -> tuple[Array, Array]:
        """Return the loss, of the steps that count, and its gradient by the outputs."""
        loss = LOSSES[self.model.loss]
        if batch.lengths is not None and self.model.readout == "all":
            return over_valid(loss, outputs, batch.targets, batch.valid)
        return loss(outputs, batch.targets, int(self.stacked))

    def backward(self, tape: Tape) -> Gradients:
        """Compute the gradients of `tape.loss`. Raises RuntimeError for a tape that is used up."""
        if tape.saved is None:
            raise RuntimeError("this tape is used up: run forward again")
        (running, dy), tape.saved = tape.saved, None
        with np.errstate(all="ignore"):
            return running.backward(dy)

    def fetch(self, array: Array) -> np.ndarray:
        """Copy an array."""
        return np.array(array, order="C")

    def prepare(self) -> Layers:
        """Return the layers of the current parameters, laid out once per set of parameters."""
        present = tuple(self.parameters.values())
        if self.prepared is None or not all(map(is_, self.prepared[0], present)):
            for array in present:
                array.flags.writeable = False  # a change in place would go unnoticed
            parts = parts_of(self.parameters) if self.stacked else 1
            layers: Layers = self.layers(self.parameters) if parts == 1 else self.members(parts)
            self.prepared = present, layers
        return self.prepared[1]

    def members(self, parts: int) -> Members:
        """Return the layers of this stack in `parts` parts."""
        return Members(self.layers, self.parameters, parts, axes=3 if self.model.recurrent else 2)

    def layers(self, parameters: Mapping[str, Array]) -> Mlp | Recurrent:
        """Return the layers of these parameters, of one network or a stack."""
        if self.model.recurrent:
            return Recurrent(self.model, parameters, self.schedule)
        return Mlp(self.model, parameters)
