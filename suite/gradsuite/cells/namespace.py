"""The array namespace that a cell's equations are written over: a framework's own, and what layers need besides."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gradsuite.cells.cell import Array, Cell, State
from gradsuite.errors import UserError, unknown

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
        self._change = mark
        self._cell: Cell
        self._marked: dict[str, Array]

    def advance(self, cell: Cell, p: Any, x: Array, *state: Array) -> State:
        """Return the states after one step of a cell.

        Raises UserError unless the step returns each of the cell's states as it came out of `state`, once: gradients by
        one that did not pass through would be zero, and nothing would say so.
        """
        self._cell, self._marked = cell, {}
        after = cell.step(self, p, x, *state)
        if len(after) != len(cell.states):
            wanted = f"{len(cell.states)} ({', '.join(cell.states)})"
            raise UserError(f"the states that a step of cell {cell.name!r} returns must be {wanted}, not {len(after)}")
        for name, value in zip(cell.states, after, strict=True):
            if value is not self._marked.get(name):
                raise UserError(f"cell {cell.name!r} must return its state {name!r} as xp.state({name!r}, ...) gave it")
        return after

    def state(self, name: str, value: Array) -> Array:
        """Return what takes a state's place. Raises UserError for a name that the cell has not, or has given before."""
        if name not in self._cell.states:
            raise unknown(f"state of cell {self._cell.name}", name, self._cell.states)
        if name in self._marked:
            raise UserError(f"cell {self._cell.name!r} must give its state {name!r} to xp.state once a step, not twice")
        self._marked[name] = self._change(name, value)
        return self._marked[name]

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
