"""What all recurrent layers share; and, of the classic ones, prepared weights and the products after the loop."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from gradsuite_numpy.arrays import Array, column_sums, rows, transpose, transposed_copy
from gradsuite_numpy.carry import carry
from gradsuite_numpy.workspace import Room

State = tuple[Array, ...]  # (h,), or (h, c) for cells of two states; each (..., B, H)
LayerGradients = dict[str, Array]


class Layer(ABC):
    """One recurrent layer of given parameters, and its passes over a stretch of time steps.

    A stretch starts from a given state (h_0, ...), so that stretches can follow one another. Arrays over time are
    (..., T + 1, B, H) for states, the start included, and (..., T, B, .) for what each step computes. What `forward`
    saves and what `backward` returns, dL/dz, are the layer's own.
    """

    state_size: ClassVar[int] = 1  # arrays in a state

    @abstractmethod
    def __init__(self, p: SimpleNamespace, activation: str) -> None:
        """Bind the parameters by their names in the cell, and lay them out as the loops need them."""

    @abstractmethod
    def forward(self, x: Array, start: State, room: Room) -> Any:
        """Run over x (..., T, B, I) from a state; return what the other methods need."""

    @abstractmethod
    def states(self, saved: Any) -> State:
        """Return the states (..., T + 1, B, H)."""

    def kept(self, saved: Any) -> Sequence[Array]:
        """Return the arrays over time that `backward` and `output` read: they are cleared past each length."""
        return self.states(saved)

    def output(self, saved: Any) -> Array:
        """Return what the layer puts out (..., T, B, H): h, unless it says otherwise."""
        return self.states(saved)[0][..., 1:, :, :]

    def output_gradient(self, dstates: State, room: Room) -> Array:
        """Return where dL/d(output) (..., T, B, H) is to be written, the same place at every call: in dL/dh itself."""
        return dstates[0][..., 1:, :, :]

    @abstractmethod
    def backward(self, saved: Any, dstates: State, *, direct: bool) -> Any:
        """Walk back through time; return dL/dz.

        The last row of each array of `dstates` (..., T + 1, B, H) holds what reaches that state from outside the layer
        and from later time steps. If `direct`, every row of the first, dL/dh, holds what reaches it from outside; else
        the rows before the last are unset. On return all hold the total derivative.
        """

    @abstractmethod
    def gradients(self, x: Array, saved: Any, dz: Any) -> LayerGradients:
        """Return the gradients of this layer's parameters by their names in the cell."""

    @abstractmethod
    def pull(self, dz: Any, dx: Array) -> None:
        """Write dL/dx (..., T, B, I)."""


class Classic(Layer):
    """A layer of weight_ih (..., G H, I), weight_hh (..., G H, H) and both biases (..., G H).

    It saves `h`, and its dL/dz is dL/d(W_ih x + b_ih) and dL/d(W_hh h + b_hh), each (..., T, B, G H).
    """

    def __init__(self, p: SimpleNamespace, activation: str) -> None:
        self.w_ih, self.w_hh, self.b_ih, self.b_hh = p.weight_ih, p.weight_hh, p.bias_ih, p.bias_hh
        self.hidden_size = self.w_hh.shape[-1]
        self.activation = activation
        self.prepare()

    @abstractmethod
    def prepare(self) -> None:
        """Lay the weights out as the loops need them, once per set of parameters."""

    def states(self, saved: Any) -> State:
        """Return h, and c of those that have it: what is saved first."""
        return tuple(saved[: self.state_size])

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

    def gradients(self, x: Array, saved: Any, dz: tuple[Array, Array]) -> LayerGradients:
        """Return the gradients of this layer's parameters, each by one matrix product over all time steps."""
        dz_ih, dz_hh = map(rows, dz)
        bias = column_sums(dz_ih)
        return {
            "weight_ih": transpose(dz_ih) @ rows(x),
            "weight_hh": transpose(dz_hh) @ rows(saved.h[..., :-1, :, :]),
            "bias_ih": bias,
            "bias_hh": bias.copy() if dz[0] is dz[1] else column_sums(dz_hh),
        }

    def pull(self, dz: tuple[Array, Array], dx: Array) -> None:
        """Write dL/dx by one matrix product over all time steps."""
        np.matmul(rows(dz[0]), self.w_ih, out=rows(dx))


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
