"""The memory cell (Hochreiter & Schmidhuber 1997) with a forget gate (Gers et al. 2000)."""

from collections.abc import Mapping
from typing import Any

from gradsuite.cells.cell import Array, Cell, State
from gradsuite.cells.gated import weights
from gradsuite.cells.parameter import Parameter


class LSTM(Cell):
    """c' = f c + i g, h' = o tanh(c'), with gates i f g o."""

    name = "lstm"
    source = "Gers, Schmidhuber & Cummins 2000"
    states = ("h", "c")
    keep_gate, input_gate = 1, 0

    def parameters(self, inputs: int, units: int) -> Mapping[str, Parameter]:
        """Return torch.nn.LSTM's."""
        return weights(4, inputs, units)

    def step(self, xp: Any, p: Any, x: Array, h: Array, c: Array) -> State:
        """Return (h', c')."""
        i, f, g, o = xp.gates(xp.linear(x, p.weight_ih, p.bias_ih) + xp.linear(h, p.weight_hh, p.bias_hh), 4)
        c = xp.state("c", xp.sigmoid(f) * c + xp.sigmoid(i) * xp.tanh(g))
        return xp.state("h", xp.sigmoid(o) * xp.tanh(c)), c
