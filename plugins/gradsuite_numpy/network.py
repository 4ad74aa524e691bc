"""A network whose parameters are NumPy arrays."""

from collections.abc import Mapping
from operator import is_
from weakref import finalize

import numpy as np
from gradsuite.backend import Batch, Gradients, Network, Tape
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.schedule import Schedule

from gradsuite_numpy.arrays import Array
from gradsuite_numpy.loss import LOSSES
from gradsuite_numpy.members import Members, parts_of
from gradsuite_numpy.mlp import Mlp
from gradsuite_numpy.recurrent import Recurrent
from gradsuite_numpy.workspace import Workspace

Layers = Mlp | Recurrent | Members


class NumpyNetwork(Network):
    """Forward and backward pass written by hand. Overflow and NaN are data here: there are no warnings."""

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
        kind = np.intp if self.model.loss == "cross_entropy" else self.dtype
        copy = Batch(np.array(batch.inputs, self.dtype, order="C"), np.array(batch.targets, kind, order="C"))
        self.check(copy)
        return copy

    def check(self, batch: Batch) -> None:
        """Raise UserError for shapes that are not the model's, a stack's axis aside, and for classes out of range."""
        axes = 3 if self.model.recurrent else 2
        shape = batch.inputs.shape
        if len(shape) - axes not in (0, self.stacked) or shape[-1] != self.model.input_size or 0 in shape:
            names = "(T, B, " if self.model.recurrent else "(B, "
            raise UserError(f"inputs must be {names}{self.model.input_size}), not {shape}")
        targets = self.model.targets_shape(shape[-axes:])
        if batch.targets.shape[batch.targets.ndim - len(targets) :] != targets:
            raise UserError(f"targets must be {targets}, not {batch.targets.shape}")
        if self.model.loss == "cross_entropy":
            low, high = batch.targets.min(), batch.targets.max()
            if low < 0 or high >= self.model.output_width:
                raise UserError(f"classes must be 0 to {self.model.output_width - 1}, not {low} to {high}")

    def forward(self, batch: Batch, *, states: bool = False) -> Tape:
        """Compute the loss and outputs; the tape owns its workspace until it is used up or dropped."""
        workspace = self.spare.pop() if self.spare else Workspace(self.dtype)
        with np.errstate(all="ignore"):
            running = self.prepare().start(batch.inputs, workspace, states=states)
            loss, dy = LOSSES[self.model.loss](running.outputs, batch.targets, int(self.stacked))
        finalize(running, self.spare.append, workspace).atexit = False
        return Tape(loss, running.outputs, (running, dy))

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
