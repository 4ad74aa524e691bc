"""The gated recurrent unit, with the reset gate behind the product with h, as cuDNN and torch.nn have it."""

from collections.abc import Mapping
from typing import Any

from gradsuite.cells.cell import Array, Cell, State
from gradsuite.cells.gated import weights
from gradsuite.cells.parameter import Parameter


class GRU(Cell):
    """h' = (1 - z) n + z h with n = tanh(W_in x + b_in + r (W_hn h + b_hn)), gates r z n."""

    name = "gru"
    source = "Cho et al. 2014"
    keep_gate = 1

    def parameters(self, inputs: int, units: int) -> Mapping[str, Parameter]:
        """Return torch.nn.GRU's."""
        return weights(3, inputs, units)

    def step(self, xp: Any, p: Any, x: Array, h: Array) -> State:
        """Return (h',)."""
        xr, xz, xn = xp.gates(xp.linear(x, p.weight_ih, p.bias_ih), 3)
        hr, hz, hn = xp.gates(xp.linear(h, p.weight_hh, p.bias_hh), 3)
        r, z = xp.sigmoid(xr + hr), xp.sigmoid(xz + hz)
        n = xp.tanh(xn + r * hn)
        return (xp.state("h", (1 - z) * n + z * h),)
