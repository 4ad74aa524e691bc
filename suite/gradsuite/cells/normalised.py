"""Cells with layer normalisation (Ba, Kiros & Hinton 2016)."""

from collections.abc import Mapping
from typing import Any

from gradsuite.cells.cell import Array, Cell, State
from gradsuite.cells.gated import weights
from gradsuite.cells.parameter import Parameter, constant

EPSILON = 1e-5  # added to the variance: torch.nn.LayerNorm's


def layer_norm(xp: Any, a: Array, gain: Array) -> Array:
    """Return gain (a - mean) / sqrt(variance + epsilon), over the last axis (Ba et al. 2016, eq. 3)."""
    centred = a - xp.mean(a, axis=-1, keepdims=True)
    return gain * centred / xp.sqrt(xp.mean(centred * centred, axis=-1, keepdims=True) + EPSILON)


class NormalisedRNN(Cell):
    """h' = phi(LN(W_ih x + W_hh h) + b) (Ba et al. 2016, eq. 4)."""

    name = "ln-rnn"
    source = "Ba, Kiros & Hinton 2016, eq. 4"
    activations = ("tanh", "relu", "identity")

    def parameters(self, inputs: int, units: int) -> Mapping[str, Parameter]:
        """Return the two matrices, the gain norm (H), which starts at 1, and one bias."""
        of_rnn = weights(1, inputs, units)
        gain = Parameter((units,), units, start=constant(1.0))
        return {
            "weight_ih": of_rnn["weight_ih"],
            "weight_hh": of_rnn["weight_hh"],
            "norm": gain,
            "bias": of_rnn["bias_ih"],
        }

    def step(self, xp: Any, p: Any, x: Array, h: Array) -> State:
        """Return (h',)."""
        a = xp.linear(x, p.weight_ih) + xp.linear(h, p.weight_hh)
        return (xp.state("h", xp.phi(layer_norm(xp, a, p.norm) + p.bias)),)


class NormalisedLSTM(Cell):
    """An LSTM with gates LN(W_ih x) + LN(W_hh h) + b and h' = o tanh(LN(c') + b_c) (Ba et al. 2016, eq. 20 to 22).

    Their normalisations of the gates have shifts of their own, which only add to b: they are left out.
    """

    name = "ln-lstm"
    source = "Ba, Kiros & Hinton 2016, eq. 20-22"
    states = ("h", "c")

    def parameters(self, inputs: int, units: int) -> Mapping[str, Parameter]:
        """Return the two matrices, gains norm_ih and norm_hh (4 H), one bias, and gain and shift of c."""
        of_lstm = weights(4, inputs, units)
        gains = Parameter((4 * units,), units, start=constant(1.0))
        return {
            "weight_ih": of_lstm["weight_ih"],
            "weight_hh": of_lstm["weight_hh"],
            "norm_ih": gains,
            "norm_hh": gains,
            "bias": of_lstm["bias_ih"],
            "norm_c": Parameter((units,), units, start=constant(1.0)),
            "bias_c": Parameter((units,), units, start=constant(0.0)),
        }

    def step(self, xp: Any, p: Any, x: Array, h: Array, c: Array) -> State:
        """Return (h', c')."""
        of_x = layer_norm(xp, xp.linear(x, p.weight_ih), p.norm_ih)
        of_h = layer_norm(xp, xp.linear(h, p.weight_hh), p.norm_hh)
        i, f, g, o = xp.gates(of_x + of_h + p.bias, 4)
        c = xp.state("c", xp.sigmoid(f) * c + xp.sigmoid(i) * xp.tanh(g))
        return xp.state("h", xp.sigmoid(o) * xp.tanh(layer_norm(xp, c, p.norm_c) + p.bias_c)), c
