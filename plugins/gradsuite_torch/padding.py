"""Sequences of several lengths in one array (T, B, N): what stands past the length of each is padding.

There is one network, not a stack. Rows are those of (T B, N), time and batch together: whole rows are copied several
times as fast as single numbers.
"""

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from gradsuite_torch.trace import TIME


class Padding:
    """Where each of B sequences ends among `steps` steps; in a window of steps, it may end before or after it."""

    def __init__(self, lengths: Tensor, shortest: int, steps: int) -> None:
        """Take the `lengths` (B) on the device, and the `shortest` of them."""
        self.lengths = lengths
        self.shortest = shortest
        self.steps = steps

    @classmethod
    def of(cls, lengths: np.ndarray, steps: int, device: str) -> "Padding":
        """Return the padding of a batch with these lengths (B) on the host."""
        return cls(torch.tensor(lengths, dtype=torch.int64, device=device), int(lengths.min()), steps)

    def window(self, first: int, last: int) -> "Padding":
        """Return the padding among the steps [first, last)."""
        return Padding(self.lengths - first, self.shortest - first, last - first)

    @cached_property
    def valid(self) -> Tensor:
        """Which steps of which sequences are not padding (T, B)."""
        return self._times < self.lengths

    @cached_property
    def valid_rows(self) -> Tensor:
        """Numbers of the rows that are not padding (N)."""
        return self.valid.flatten().nonzero().squeeze(-1)

    @cached_property
    def padded_rows(self) -> Tensor:
        """Numbers of the rows that are padding (T B - N)."""
        return self.valid.flatten().logical_not().nonzero().squeeze(-1)

    @cached_property
    def reversed_rows(self) -> Tensor:
        """Numbers of the rows (T B) that turn each sequence around within its length; padding stays where it is."""
        times = torch.where(self.valid, self.lengths - 1 - self._times, self._times)
        return (times * len(self.lengths) + self._sequences).flatten()

    def clear(self, array: Tensor) -> Tensor:
        """Set an array (T, B, N) to zero where it is padding, and return it."""
        array.view(-1, array.shape[-1]).index_fill_(0, self.padded_rows, 0)
        return array

    def reverse(self, array: Tensor) -> Tensor:
        """Return (T, B, N) with each sequence turned around within its length; twice is nothing."""
        return array.flatten(0, 1).index_select(0, self.reversed_rows).view(array.shape)

    def pack(self, array: Tensor) -> Tensor:
        """Return the rows of (T, B, N) that are not padding, (rows, N)."""
        return array.flatten(0, 1).index_select(0, self.valid_rows)

    def unpack(self, packed: Tensor) -> Tensor:
        """Return the array (T, B, N) of packed rows, zero where it is padding."""
        size = len(self.lengths)
        array = packed.new_zeros(self.steps * size, packed.shape[-1]).index_copy(0, self.valid_rows, packed)
        return array.view(self.steps, size, -1)

    def last(self, array: Tensor) -> Tensor:
        """Return (B, N) of (T, B, N): each sequence's last step."""
        return array[(self.lengths - 1).clamp(0, self.steps - 1), self._sequences]

    def after(self, states: Tensor) -> Tensor:
        """Return (B, N) of states (T + 1, B, N) from before the first step on: those after each sequence's last one."""
        return states[self.lengths.clamp(0, self.steps), self._sequences]

    def at_last(self, array: Tensor) -> Tensor:
        """Return (B, N) put at each sequence's last step, zero elsewhere: the last k steps of (T, B, N), k >= 1.

        No sequence ends before those k, nor in them if it ends out of this window.
        """
        first = min(max(self.shortest - 1, 0), self.steps - 1)
        return torch.where((self._times[first:] == self.lengths - 1).unsqueeze(-1), array, 0)

    @cached_property
    def _times(self) -> Tensor:
        return torch.arange(self.steps, device=self.lengths.device).unsqueeze(-1)

    @cached_property
    def _sequences(self) -> Tensor:
        return torch.arange(len(self.lengths), device=self.lengths.device)


def reverse(array: Tensor, padding: Padding | None) -> Tensor:
    """Return (T, B, N) turned around in time, each sequence within its length if there is padding."""
    return array.flip(TIME) if padding is None else padding.reverse(array)
