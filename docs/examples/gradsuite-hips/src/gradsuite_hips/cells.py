"""One step of each recurrent cell, forward only."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import autograd.numpy as np

from gradsuite_hips.activation import ACTIVATIONS, sigmoid
from gradsuite_hips.nudges import Nudge

Array = Any
State = tuple[Array, ...]


class Weights(NamedTuple):
    """One layer's parameters."""

    weight_ih: Array
    weight_hh: Array
    bias_ih: Array
    bias_hh: Array

    @classmethod
    def of(cls, parameters: Mapping[str, Array], layer: int) -> "Weights":
        """Return those of layer number `layer`, from 0."""
        return cls(*(parameters[f"{kind}_l{layer}"] for kind in cls._fields))

    def split(self, x: Array, h: Array, gates: int) -> tuple[list[Array], list[Array]]:
        """Return W_ih x + b_ih and W_hh h + b_hh, gate by gate, each (B, H)."""
        parts = x @ self.weight_ih.T + self.bias_ih, h @ self.weight_hh.T + self.bias_hh
        return np.split(parts[0], gates, axis=-1), np.split(parts[1], gates, axis=-1)


def rnn(activation: str, w: Weights, x: Array, state: State, nudge: Nudge) -> State:
    """Return h' = phi(W_ih x + b_ih + W_hh h + b_hh)."""
    (x_z,), (h_z,) = w.split(x, state[0], 1)
    return (nudge("h", ACTIVATIONS[activation](x_z + h_z)),)


def lstm(activation: str, w: Weights, x: Array, state: State, nudge: Nudge) -> State:
    """Return h' and c': c' = f c + i g, h' = o phi(c'), gates i f g o."""
    h, c = state
    i, f, g, o = (x_gate + h_gate for x_gate, h_gate in zip(*w.split(x, h, 4), strict=True))
    c = nudge("c", sigmoid(f) * c + sigmoid(i) * np.tanh(g))
    return nudge("h", sigmoid(o) * np.tanh(c)), c


def gru(activation: str, w: Weights, x: Array, state: State, nudge: Nudge) -> State:
    """Return h' = (1 - z) n + z h with n = tanh(W_in x + b_in + r (W_hn h + b_hn)), gates r z n."""
    (h,) = state
    (x_r, x_z, x_n), (h_r, h_z, h_n) = w.split(x, h, 3)
    r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
    n = np.tanh(x_n + r * h_n)
    return (nudge("h", (1 - z) * n + z * h),)


Step = Callable[[str, Weights, Array, State, Nudge], State]
STEPS: dict[str, Step] = {"rnn": rnn, "lstm": lstm, "gru": gru}
