"""The LSTM whose gates see the cell state (Gers, Schraudolph & Schmidhuber 2002)."""

from collections.abc import Mapping
from typing import Any

from gradsuite.cells.cell import Array, Cell, State
from gradsuite.cells.gated import weights
from gradsuite.cells.parameter import Parameter


class Peephole(Cell):
    """An LSTM whose gates i and f read c, and whose gate o reads c', each by a weight per unit."""

    name = "peephole"
    source = "Gers, Schraudolph & Schmidhuber 2002"
    states = ("h", "c")
    keep_gate, input_gate = 1, 0

    def parameters(self, inputs: int, units: int) -> Mapping[str, Parameter]:
        """Return those of lstm, and weight_ch (3 H): what i, f and o multiply the cell state with."""
        return {**weights(4, inputs, units), "weight_ch": Parameter((3 * units,), units)}

    def step(self, xp: Any, p: Any, x: Array, h: Array, c: Array) -> State:
        """Return (h', c')."""
        i, f, g, o = xp.gates(xp.linear(x, p.weight_ih, p.bias_ih) + xp.linear(h, p.weight_hh, p.bias_hh), 4)
        to_i, to_f, to_o = xp.gates(p.weight_ch, 3)
        c = xp.state("c", xp.sigmoid(f + to_f * c) * c + xp.sigmoid(i + to_i * c) * xp.tanh(g))
        return xp.state("h", xp.sigmoid(o + to_o * c) * xp.tanh(c)), c
