"""The LSTM with coupled input and forget gates (Greff et al. 2017, CIFG)."""

from collections.abc import Mapping
from typing import Any

from gradsuite.cells.cell import Array, Cell, State
from gradsuite.cells.gated import weights
from gradsuite.cells.parameter import Parameter


class Coupled(Cell):
    """c' = f c + (1 - f) g, h' = o tanh(c'), with gates f g o."""

    name = "coupled"
    source = "Greff et al. 2017"
    states = ("h", "c")
    keep_gate = 0

    def parameters(self, inputs: int, units: int) -> Mapping[str, Parameter]:
        """Return two matrices and two biases, of three gates."""
        return weights(3, inputs, units)

    def step(self, xp: Any, p: Any, x: Array, h: Array, c: Array) -> State:
        """Return (h', c')."""
        f, g, o = xp.gates(xp.linear(x, p.weight_ih, p.bias_ih) + xp.linear(h, p.weight_hh, p.bias_hh), 3)
        f = xp.sigmoid(f)
        c = xp.state("c", f * c + (1 - f) * xp.tanh(g))
        return xp.state("h", xp.sigmoid(o) * xp.tanh(c)), c
