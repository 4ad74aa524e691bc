"""A batch on the device."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from gradsuite.model import Model

Array = jax.Array
State = tuple[Array, ...]  # of one layer in one direction: (h,), or (h, c) for lstm, each (B, H)


class DeviceBatch(NamedTuple):
    """Inputs and targets on the device, and what else a batch may have: see `gradsuite.Batch`.

    What it has not is None, which programs have no argument for: each kind of batch has programs of its own.
    """

    inputs: Array
    targets: Array
    lengths: Array | None = None
    state: tuple[Array, ...] | None = None
    masks: Array | None = None

    def start(self, model: Model) -> list[State]:
        """Return the state before the first step, for each layer and direction."""
        if self.state is None:
            return zero_state(model, self.inputs.shape[1], self.inputs.dtype)
        return list(zip(*self.state, strict=True))

    def of_state(self, states: Sequence[State]) -> tuple[Array, ...] | None:
        """Return states of each layer and direction in the form of the batch's own, or None if it has none."""
        return None if self.state is None else tuple(map(jnp.stack, zip(*states, strict=True)))


def zero_state(model: Model, batch_size: int, dtype: jnp.dtype) -> list[State]:
    """Return states of zeros, for each layer and direction."""
    zeros = jnp.zeros((batch_size, model.hidden_size), dtype)
    state = (zeros, zeros) if model.cell == "lstm" else (zeros,)
    return [state] * (model.num_layers * model.directions)
