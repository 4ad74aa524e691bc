"""Zeros added to the states, so that their gradients are the state gradients.

The loss as a function of a number added to h_t has the slope dL/dh_t, the total derivative through all later steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from gradsuite.model import Model

Array = Any


def zeros(model: Model, inputs: tuple[int, ...], dtype: str) -> dict[str, np.ndarray]:
    """Return a zero for each hidden state `h`, and for each cell state `c` of lstm, in the shape of the states."""
    kinds = ("h", "c") if model.cell == "lstm" else ("h",)
    return {kind: np.zeros(model.states_shape(inputs), dtype) for kind in kinds}


@dataclass(frozen=True, slots=True)
class Nudge:
    """The zeros at one place: (t, layer), or (layer,) for `mlp`; without zeros nothing is added."""

    zeros: Mapping[str, Array]
    place: tuple[int, ...]

    def __call__(self, kind: str, state: Array) -> Array:
        """Return the state with its zero added."""
        return state + self.zeros[kind][self.place] if self.zeros else state
