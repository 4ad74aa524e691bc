"""The memory that passes work in, so that neither loops nor later passes allocate any."""

from collections.abc import Callable
from math import prod

import numpy as np
import numpy.typing as npt

from gradsuite_numpy.arrays import Array, Shape

Room = Callable[[str, Shape], Array]


class Workspace:
    """Named arrays that one pass after another works in.

    A workspace belongs to one tape at a time, and holds nothing that a caller is given.
    """

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self.dtype = np.dtype(dtype)
        self.parts: dict[int, Workspace] = {}
        self.memory: dict[str, Array] = {}

    def array(self, name: str, shape: Shape) -> Array:
        """Return the array of this name in this shape, contents undefined; its memory never shrinks."""
        size = prod(shape)
        memory = self.memory.get(name)
        if memory is None or memory.size < size:
            memory = self.memory[name] = np.empty(size, self.dtype)
        return memory[:size].reshape(shape)

    def part(self, number: int) -> "Workspace":
        """Return the workspace of one part of a stack, the same one at every call."""
        return self.parts.setdefault(number, Workspace(self.dtype))

    def room(self, layer: int) -> Room:
        """Return `array` for one layer, whose names do not clash with those of others."""
        return lambda name, shape: self.array(f"{name}.{layer}", shape)
