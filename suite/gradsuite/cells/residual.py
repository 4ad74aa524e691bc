"""A layer with a skip connection (He et al. 2016)."""

from collections.abc import Mapping
from typing import Any

from gradsuite.cells.cell import Array, Cell, State
from gradsuite.cells.mlp import MLP
from gradsuite.cells.parameter import Parameter


class Residual(Cell):
    """h = x + phi(W x + b); the first layer, where x may have another width than h, is that of `mlp`."""

    name = "residual"
    source = "He et al. 2016; Yang & Schoenholz 2017"
    recurrent = False
    activations = MLP.activations

    def parameters(self, inputs: int, units: int) -> Mapping[str, Parameter]:
        """Return torch.nn.Linear's."""
        return MLP().parameters(inputs, units)

    def step(self, xp: Any, p: Any, x: Array) -> State:
        """Return (h,)."""
        h = xp.phi(xp.linear(x, p.weight, p.bias))
        return (xp.state("h", h + x if x.shape[-1] == h.shape[-1] else h),)
