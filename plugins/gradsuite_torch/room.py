"""Arrays that are used again: fresh memory costs a page fault every 4 kB, as much time as the arithmetic done in it."""

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor

Shape = tuple[int, ...]


class Room:
    """Arrays of one dtype on one device, unset; what is given back is taken again."""

    def __init__(self, dtype: torch.dtype, device: str) -> None:
        self.dtype = dtype
        self.device = device
        self.free: defaultdict[Shape, list[Tensor]] = defaultdict(list)

    def take(self, *shape: int) -> Tensor:
        """Return an unset array, a free one if there is one of this shape."""
        free = self.free[shape]
        return free.pop() if free else torch.empty(shape, dtype=self.dtype, device=self.device)

    def give(self, arrays: Iterable[Tensor]) -> None:
        """Take arrays back that nobody else looks at any more."""
        for array in arrays:
            self.free[tuple(array.shape)].append(array)
