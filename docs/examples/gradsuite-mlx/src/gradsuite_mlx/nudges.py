"""Zeros added to the states, so that their gradients are the state gradients.

The loss as a function of a number added to h_t has the slope dL/dh_t, the total derivative through all later steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import mlx.core as mx
import numpy as np
from gradsuite.model import Model

Shape = tuple[int, ...]


def zeros(model: Model, inputs: Shape, dtype: mx.Dtype) -> dict[str, mx.array]:
    """Return a zero for each hidden state `h`, and for each cell state `c` of lstm.

    Each is an array of its own: the gradient of a place in one array of all would be as large as that array.
    """
    kinds, shape = ("h", "c") if model.cell == "lstm" else ("h",), model.states_shape(inputs)
    return {key(kind, place): mx.zeros(shape[-2:], dtype) for kind in kinds for place in np.ndindex(shape[:-2])}


def key(kind: str, place: Shape) -> str:
    """Return the name of the zero at one place: (t, layer), or (layer,) for `mlp`."""
    return f"{kind} at {place}"


def state_gradients(kind: str, model: Model, inputs: Shape, gradients: Mapping[str, mx.array]) -> mx.array | None:
    """Return the gradients of all zeros of a kind in the shape of the states, or None where there are none."""
    shape = model.states_shape(inputs)
    found = [gradients[name] for place in np.ndindex(shape[:-2]) if (name := key(kind, place)) in gradients]
    return mx.stack(found).reshape(shape) if found else None


@dataclass(frozen=True, slots=True)
class Nudge:
    """The zeros at one place: (t, layer), or (layer,) for `mlp`; where `arrays` has none, nothing is added."""

    arrays: Mapping[str, mx.array]
    place: Shape

    def __call__(self, kind: str, state: mx.array) -> mx.array:
        """Return the state with its zero added."""
        zero = self.arrays.get(key(kind, self.place))
        return state if zero is None else state + zero
