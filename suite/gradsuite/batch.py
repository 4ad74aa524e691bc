"""What a network is given at once: inputs and targets; lengths, states to begin with, and masks of dropout."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from gradsuite.cells import find
from gradsuite.errors import UserError
from gradsuite.model import Model

OPTIONAL = ("lengths", "state", "masks")  # the fields that need a feature of their name


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch on the host.

    `inputs` is (T, B, I), or (B, I) for `mlp`; `targets` has `model.targets_shape(inputs.shape)`: integers for
    `cross_entropy`, floats otherwise. What follows is optional, and for one network, not a stack:

    `lengths` (B), integers from 1 to T: how many steps each sequence has, from the first; what stands after them is
    padding. Past its length a sequence's states stay as they are, in both directions; its outputs are zero, its losses
    do not count, and every gradient there is exactly zero, whatever the padding holds: what a packed sequence means in
    PyTorch. Readout `last` reads the state at the length. The loss averages over the steps that count.

    `state` holds the states before the first step, one array (layers, B, H) for each state of the cell: what the
    sequences carry on from. The tape then has the states after the last one, and gradients are taken by them too.

    `masks` multiply what each layer puts out, on its way to the layer above or the readout: dropout as data. They are
    (T, layers, B, H), or (1, layers, B, H) for the same at every step (Gal & Ghahramani 2016), and (layers, B, H) for
    `mlp`. State gradients are by the states before the mask.

    Layers of a bidirectional model count twice, forward and backward; the backward direction begins at the length.
    """

    inputs: np.ndarray
    targets: np.ndarray
    lengths: np.ndarray | None = field(default=None, kw_only=True)
    state: tuple[np.ndarray, ...] | None = field(default=None, kw_only=True)
    masks: np.ndarray | None = field(default=None, kw_only=True)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features that a backend needs for this batch; none for inputs and targets alone."""
        return tuple(name for name in OPTIONAL if getattr(self, name) is not None)

    @property
    def valid(self) -> np.ndarray:
        """Which steps of which sequences count (T, B): those before its length, or all of them."""
        steps, size = self.inputs.shape[-3:-1]
        lengths = np.full(size, steps) if self.lengths is None else self.lengths
        valid: np.ndarray = np.arange(steps)[:, np.newaxis] < lengths
        return valid

    def without_padding(self, model: Model) -> "Batch":
        """Return this batch with zeros where it is padded: NaN times zero, as gradients have it, would be NaN."""
        if self.lengths is None:
            return self
        valid, targets, masks = self.valid, self.targets, self.masks
        if model.readout == "all":
            targets = np.where(valid.reshape(valid.shape + (1,) * (targets.ndim - 2)), targets, 0)
        if masks is not None and len(masks) == len(self.inputs):
            masks = np.where(valid[:, np.newaxis, :, np.newaxis], masks, 0)
        return replace(self, inputs=np.where(valid[..., np.newaxis], self.inputs, 0), targets=targets, masks=masks)

    def check(self, model: Model) -> None:
        """Raise UserError for lengths, a state or masks that are not the model's; inputs and targets are not looked at.

        The shapes of both are looked at where they are copied.
        """
        if not self.features:
            return
        shape = self.inputs.shape
        if not model.recurrent and self.features != ("masks",):
            raise UserError(f"a batch with {self.features[0]} is for recurrent cells, not for {model.cell}")
        layers, size, units = model.states_shape(shape)[-3:]
        if self.lengths is not None:
            _check_lengths(self.lengths, steps=shape[0], size=size)
        if self.state is not None:
            wanted = [(layers, size, units)] * len(find(model.cell).states)
            _check_shapes("state", [np.shape(one) for one in self.state], wanted)
        if self.masks is not None:
            steps = np.shape(self.masks)[:1] if model.recurrent and np.shape(self.masks)[:1] == (1,) else shape[:-2]
            _check_shapes("masks", [np.shape(self.masks)], [(*steps, layers, size, units)])


def _check_lengths(lengths: np.ndarray, *, steps: int, size: int) -> None:
    if np.shape(lengths) != (size,) or not np.issubdtype(np.asarray(lengths).dtype, np.integer):
        raise UserError(f"lengths must be {size} whole numbers, one per sequence, not {np.shape(lengths)}")
    if np.min(lengths) < 1 or np.max(lengths) > steps:
        raise UserError(f"lengths must be 1 to {steps}, not {np.min(lengths)} to {np.max(lengths)}")


def _check_shapes(name: str, shapes: Sequence[tuple[int, ...]], wanted: Sequence[tuple[int, ...]]) -> None:
    if list(shapes) != list(wanted):
        raise UserError(f"{name} must be {' and '.join(map(str, wanted))}, not {' and '.join(map(str, shapes))}")
