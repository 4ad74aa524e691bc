"""One layer of a multilayer perceptron (Rumelhart, Hinton & Williams 1986)."""

from collections.abc import Mapping
from typing import Any

from gradsuite.cells.cell import Array, Cell, State
from gradsuite.cells.parameter import Parameter


class MLP(Cell):
    """h = phi(W x + b), layer by layer."""

    name = "mlp"
    source = "Rumelhart, Hinton & Williams 1986"
    recurrent = False
    activations = ("tanh", "relu", "sigmoid", "identity")

    def parameters(self, inputs: int, units: int) -> Mapping[str, Parameter]:
        """Return torch.nn.Linear's."""
        return {
            "weight": Parameter((units, inputs), inputs, between_states=True),
            "bias": Parameter((units,), inputs, noise=True),
        }

    def step(self, xp: Any, p: Any, x: Array) -> State:
        """Return (h,)."""
        return (xp.state("h", xp.phi(xp.linear(x, p.weight, p.bias))),)
