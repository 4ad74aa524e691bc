"""The array namespace that a cell's equations are written over: a framework's own, and what layers need besides."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Array = Any
Function = Callable[[Array], Array]


class Namespace:
    """A framework's array functions (the Python array API standard), with those of a layer.

    `functions` are `sigmoid` and the activations by name, in the framework's own words; `mark` is given every state
    that the cell computes, (name, value), and returns what takes its place. All else is the framework's.
    """

    def __init__(
        self, xp: Any, functions: Mapping[str, Function], activation: str, mark: Callable[[str, Array], Array]
    ) -> None:
        """Take the model's activation as `phi`."""
        self._xp = xp
        self.sigmoid = functions["sigmoid"]
        self.phi = functions[activation]
        self.state = mark

    def linear(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        """Return x W^T + b, for x (..., I), weight (O, I) and bias (O)."""
        product = self._xp.matmul(x, self._xp.matrix_transpose(weight))
        return product if bias is None else product + bias

    def gates(self, z: Array, count: int) -> Sequence[Array]:
        """Return the `count` equal blocks of the last axis of z."""
        width = z.shape[-1] // count
        return [z[..., k * width : (k + 1) * width] for k in range(count)]

    def __getattr__(self, name: str) -> Any:
        """Return the framework's function of this name."""
        return getattr(self._xp, name)
