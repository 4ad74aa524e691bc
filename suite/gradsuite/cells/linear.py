"""Cells that are linear in their state, h' = a h + b with coefficients of the input alone: a scan can compute them."""

from abc import abstractmethod
from typing import Any

from gradsuite.cells.cell import Array, Cell, State
from gradsuite.errors import UserError

Coefficients = tuple[State, State]  # a and b, each one array, or the real and the imaginary part


class Linear(Cell):
    """A cell whose step follows from its `recurrence`: h' = a h + b, elementwise.

    With two states they are the real and imaginary part of one, and so are a and b. Since a and b do not depend on the
    state, those of all steps are computed at once, and the states then by any scan: one after another, or in parallel.
    """

    @abstractmethod
    def recurrence(self, xp: Any, p: Any, x: Array) -> Coefficients:
        """Return ((a,), (b,)), or ((Re a, Im a), (Re b, Im b)) with two states, of the input x (..., B, I).

        Each broadcasts to the states (..., B, H). `xp` and `p` are those of `step`, and what is written must be right
        for x with any axes in front: those of time, too.
        """

    def coefficients(self, xp: Any, p: Any, x: Array) -> Coefficients:
        """Return the recurrence. Raises UserError unless it has a part for each state."""
        a, b = self.recurrence(xp, p, x)
        if not len(a) == len(b) == len(self.states):
            wanted = f"{len(self.states)} each ({', '.join(self.states)})"
            raise UserError(f"cell {self.name!r} must return a and b of its recurrence as tuples of {wanted}")
        return a, b

    def step(self, xp: Any, p: Any, x: Array, *state: Any, **named: Any) -> State:
        """Return a h + b."""
        a, b = self.coefficients(xp, p, x)
        moved = tuple(part + new for part, new in zip(times(a, state), b, strict=True))
        return tuple(xp.state(name, value) for name, value in zip(self.states, moved, strict=True))


def times(a: State, h: State) -> State:
    """Return the product of two real numbers, or of two complex ones by their parts."""
    if len(a) == 1:
        return (a[0] * h[0],)
    return a[0] * h[0] - a[1] * h[1], a[1] * h[0] + a[0] * h[1]
