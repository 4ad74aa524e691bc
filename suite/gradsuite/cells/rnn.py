"""The plain recurrent cell (Elman 1990)."""

from collections.abc import Mapping
from typing import Any

from gradsuite.cells.cell import Array, Cell, State
from gradsuite.cells.gated import weights
from gradsuite.cells.parameter import Parameter


class RNN(Cell):
    """h' = phi(W_ih x + b_ih + W_hh h + b_hh)."""

    name = "rnn"
    source = "Elman 1990"
    activations = ("tanh", "relu", "identity")

    def parameters(self, inputs: int, units: int) -> Mapping[str, Parameter]:
        """Return torch.nn.RNN's."""
        return weights(1, inputs, units)

    def step(self, xp: Any, p: Any, x: Array, h: Array) -> State:
        """Return (h',)."""
        return (xp.state("h", xp.phi(xp.linear(x, p.weight_ih, p.bias_ih) + xp.linear(h, p.weight_hh, p.bias_hh))),)
