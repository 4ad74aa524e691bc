"""Arrays that are reused: fresh memory costs a page fault per 4 kB, as much time as the arithmetic done in it."""

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor

Shape = tuple[int, ...]


class Room:
    """Unset arrays of one dtype on one device; those given back are handed out again."""

    def __init__(self, dtype: torch.dtype, device: str) -> None:
        self.dtype = dtype
        self.device = device
        self.free: defaultdict[Shape, list[Tensor]] = defaultdict(list)

    def take(self, *shape: int) -> Tensor:
        """Return an unset array, a free one of this shape if there is any."""
        free = self.free[shape]
        return free.pop() if free else torch.empty(shape, dtype=self.dtype, device=self.device)

    def give(self, arrays: Iterable[Tensor]) -> None:
        """Take back arrays that are no longer read."""
        for array in arrays:
            self.free[tuple(array.shape)].append(array)
