"""Zeros added to the states, so that their gradients are the state gradients.

The loss as a function of a number added to h_t has the slope dL/dh_t, the total derivative through all later steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import mlx.core as mx
from gradsuite.model import Model


def zeros(model: Model, inputs: tuple[int, ...], dtype: mx.Dtype) -> dict[str, mx.array]:
    """Return a zero for each hidden state `h`, and for each cell state `c` of lstm, in the shape of the states."""
    kinds = ("h", "c") if model.cell == "lstm" else ("h",)
    return {kind: mx.zeros(model.states_shape(inputs), dtype) for kind in kinds}


@dataclass(frozen=True, slots=True)
class Nudge:
    """The zeros at one place: (t, layer), or (layer,) for `mlp`; where `arrays` has none, nothing is added."""

    arrays: Mapping[str, mx.array]
    place: tuple[int, ...]

    def __call__(self, kind: str, state: mx.array) -> mx.array:
        """Return the state with its zero added."""
        return state + self.arrays[kind][self.place] if kind in self.arrays else state
