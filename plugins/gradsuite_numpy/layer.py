"""What all recurrent layers share: prepared weights, and the matrix products after the loop over time."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from gradsuite_numpy.arrays import Array, column_sums, rows, transpose, transposed_copy
from gradsuite_numpy.carry import carry
from gradsuite_numpy.workspace import Room

State = tuple[Array, ...]  # (h,), or (h, c) for lstm; each (..., B, H)
LayerGradients = dict[str, Array]


class Layer(ABC):
    """One recurrent layer of given weights, and its passes over a stretch of time steps.

    A stretch starts from a given state (h_0, ...), so that stretches can follow one another. Arrays over time are
    (..., T + 1, B, H) for states, the start included, and (..., T, B, .) for what each step computes.
    """

    state_size: ClassVar[int] = 1  # arrays in a state

    def __init__(self, weights: Sequence[Array], activation: str) -> None:
        """Bind weight_ih (..., G H, I), weight_hh (..., G H, H) and both biases (..., G H)."""
        self.w_ih, self.w_hh, self.b_ih, self.b_hh = weights
        self.hidden_size = self.w_hh.shape[-1]
        self.activation = activation
        self.prepare()

    @abstractmethod
    def prepare(self) -> None:
        """Lay the weights out as the loops need them, once per set of parameters."""

    @abstractmethod
    def forward(self, x: Array, start: State, room: Room) -> Any:
        """Run over x (..., T, B, I) from a state; return what `backward` needs, with `h` (..., T + 1, B, H)."""

    @abstractmethod
    def backward(self, saved: Any, dstates: State, *, direct: bool) -> tuple[Array, Array]:
        """Walk back through time; return dL/d(W_ih x + b_ih) and dL/d(W_hh h + b_hh), each (..., T, B, G H).

        The last row of each array of `dstates` (..., T + 1, B, H) holds what reaches that state from outside the layer
        and from later time steps. If `direct`, every row of the first, dL/dh, holds what reaches it from outside; else
        the rows before the last are unset. On return all hold the total derivative.
        """

    def carry(self, like: Array, *, adds: bool) -> Callable[[Array, Array], object]:
        """Return the function that adds to, or sets, dL/dh_(t-1) (..., B, H) from dL/d(W_hh h + b_hh) of step t."""
        return carry(self.w_back, lambda: self.w_back_t, like, adds=adds)

    @cached_property
    def w_back(self) -> Array:
        """weight_hh as the backward pass reads it."""
        return self.w_hh

    @cached_property
    def w_back_t(self) -> Array:
        """w_back transposed, made when it is first needed."""
        return transposed_copy(self.w_back)

    def gradients(self, x: Array, h: Array, dz_ih: Array, dz_hh: Array) -> LayerGradients:
        """Return the gradients of this layer's parameters, each by one matrix product over all time steps."""
        dz, dm = rows(dz_ih), rows(dz_hh)
        bias = column_sums(dz)
        return {
            "weight_ih": transpose(dz) @ rows(x),
            "weight_hh": transpose(dm) @ rows(h[..., :-1, :, :]),
            "bias_ih": bias,
            "bias_hh": bias.copy() if dz_hh is dz_ih else column_sums(dm),
        }


def negated(parameter: Array, axis: int, signs: tuple[int, ...]) -> Array:
    """Return a copy with the gates along an axis times their signs: sigma(z) = 1 / (1 + e^-z) needs -z."""
    H = parameter.shape[axis] // len(signs)
    by_gate = np.repeat(np.array(signs, parameter.dtype), H)
    return parameter * (by_gate if axis == -1 else by_gate[:, None])


def biased(w_ih: Array, bias: Array) -> Array:
    """Return W^T with the bias as its last row, (..., I + 1, G H), for inputs followed by a one."""
    return np.concatenate([transpose(w_ih), bias[..., None, :]], axis=-2)


def start_states(shape: tuple[int, ...], start: Array, room: Room, name: str) -> Array:
    """Return room for states (..., T + 1, B, H) whose first row is the start."""
    states = room(name, shape)
    states[..., 0, :, :] = start
    return states
