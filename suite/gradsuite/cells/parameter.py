"""One parameter of a layer: its shape and how it is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Shape = tuple[int, ...]
Start = Callable[[Any, Shape, Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A shape, (rows, columns) or (units,), and what an initialisation may do with it.

    PyTorch's default draws it from U(+-1/sqrt(fan)). A matrix has `gates` blocks of rows, which are drawn one by one;
    one that is `between_states` maps states to states: the gain is for it, and so are the initialisers `identity` and
    `sparse`. A bias with `noise` is the one that `bias_std` draws. `start` gives the cell's own first values, whatever
    the initialisation, from NumPy's generator, the shape, and the parameters of the layer that stand before this one.
    """

    shape: Shape
    fan: int
    gates: int = 1
    between_states: bool = False
    noise: bool = False
    start: Start | None = None


def constant(value: float) -> Start:
    """Return a start of a vector at one value, as the gains of a normalisation have."""
    return lambda rng, shape, before: [value] * shape[0]
