"""One step of each recurrent cell, forward only."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import mlx.core as mx

from gradsuite_mlx.activation import ACTIVATIONS
from gradsuite_mlx.nudges import Nudge

State = tuple[mx.array, ...]


class Weights(NamedTuple):
    """One layer's parameters."""

    weight_ih: mx.array
    weight_hh: mx.array
    bias_ih: mx.array
    bias_hh: mx.array

    @classmethod
    def of(cls, parameters: Mapping[str, mx.array], layer: int) -> "Weights":
        """Return those of layer number `layer`, from 0."""
        return cls(*(parameters[f"{kind}_l{layer}"] for kind in cls._fields))

    def split(self, x: mx.array, h: mx.array, gates: int) -> tuple[list[mx.array], list[mx.array]]:
        """Return W_ih x + b_ih and W_hh h + b_hh, gate by gate, each (B, H)."""
        parts = x @ self.weight_ih.T + self.bias_ih, h @ self.weight_hh.T + self.bias_hh
        return mx.split(parts[0], gates, axis=-1), mx.split(parts[1], gates, axis=-1)


def rnn(activation: str, w: Weights, x: mx.array, state: State, nudge: Nudge) -> State:
    """Return h' = phi(W_ih x + b_ih + W_hh h + b_hh)."""
    (x_z,), (h_z,) = w.split(x, state[0], 1)
    return (nudge("h", ACTIVATIONS[activation](x_z + h_z)),)


def lstm(activation: str, w: Weights, x: mx.array, state: State, nudge: Nudge) -> State:
    """Return h' and c': c' = f c + i g, h' = o tanh(c'), gates i f g o."""
    h, c = state
    i, f, g, o = (x_gate + h_gate for x_gate, h_gate in zip(*w.split(x, h, 4), strict=True))
    c = nudge("c", mx.sigmoid(f) * c + mx.sigmoid(i) * mx.tanh(g))
    return nudge("h", mx.sigmoid(o) * mx.tanh(c)), c


def gru(activation: str, w: Weights, x: mx.array, state: State, nudge: Nudge) -> State:
    """Return h' = (1 - z) n + z h with n = tanh(W_in x + b_in + r (W_hn h + b_hn)), gates r z n."""
    (h,) = state
    (x_r, x_z, x_n), (h_r, h_z, h_n) = w.split(x, h, 3)
    r, z = mx.sigmoid(x_r + h_r), mx.sigmoid(x_z + h_z)
    n = mx.tanh(x_n + r * h_n)
    return (nudge("h", (1 - z) * n + z * h),)


Step = Callable[[str, Weights, mx.array, State, Nudge], State]
STEPS: dict[str, Step] = {"rnn": rnn, "lstm": lstm, "gru": gru}
