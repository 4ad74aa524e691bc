"""Gated cells that are linear in their state, with gates that see the input alone (Feng et al. 2024)."""

from collections.abc import Mapping
from typing import Any

from gradsuite.cells.cell import Array
from gradsuite.cells.linear import Coefficients, Linear
from gradsuite.cells.parameter import Parameter


def input_weights(gates: int, inputs: int, units: int) -> dict[str, Parameter]:
    """Return weight_ih (G H, I) and bias_ih (G H), torch.nn.Linear's default."""
    rows = gates * units
    return {
        "weight_ih": Parameter((rows, inputs), inputs, gates),
        "bias_ih": Parameter((rows,), inputs, gates, noise=True),
    }


class MinGRU(Linear):
    """h' = (1 - z) h + z n with z = sigmoid(W_z x + b_z) and n = W_n x + b_n, gates z n."""

    name = "mingru"
    source = "Feng et al. 2024, sec. 3.1"

    def parameters(self, inputs: int, units: int) -> Mapping[str, Parameter]:
        """Return one matrix and one bias, of two gates."""
        return input_weights(2, inputs, units)

    def recurrence(self, xp: Any, p: Any, x: Array) -> Coefficients:
        """Return 1 - z and z n."""
        z, n = xp.gates(xp.linear(x, p.weight_ih, p.bias_ih), 2)
        z = xp.sigmoid(z)
        return (1 - z,), (z * n,)


class MinLSTM(Linear):
    """h' = (f h + i n) / (f + i) with f and i = sigmoid(W x + b) and n = W_n x + b_n, gates f i n."""

    name = "minlstm"
    source = "Feng et al. 2024, sec. 3.2"

    def parameters(self, inputs: int, units: int) -> Mapping[str, Parameter]:
        """Return one matrix and one bias, of three gates."""
        return input_weights(3, inputs, units)

    def recurrence(self, xp: Any, p: Any, x: Array) -> Coefficients:
        """Return f / (f + i) and i n / (f + i)."""
        f, i, n = xp.gates(xp.linear(x, p.weight_ih, p.bias_ih), 3)
        f, i = xp.sigmoid(f), xp.sigmoid(i)
        return (f / (f + i),), (i * n / (f + i),)
