"""A stretch of time steps of a batch: where each sequence ends in it, its masks, and the order from the other end."""

from functools import cached_property

import numpy as np
from gradsuite.backend import Batch

from gradsuite_numpy.arrays import Array, rows, steps


class Stretch:
    """Steps [start, end) of a batch. Arrays over time are (..., T, B, F), or (..., T + 1, B, F) for states.

    Padding stands at the end: layers run over it, and what they put there is then cleared. Gradients that nothing
    sends into it are zero there, and those before it never see it.
    """

    def __init__(self, batch: Batch, start: int, end: int) -> None:
        self.start, self.end = start, end
        self.inputs = batch.inputs[..., start:end, :, :]
        self.is_last = end == batch.inputs.shape[-3]
        self.lengths = batch.lengths
        self.masks = batch.masks
        if batch.masks is not None and len(batch.masks) > 1:
            self.masks = batch.masks[start:end]

    @cached_property
    def counts(self) -> Array:
        """How many steps of each sequence are in this stretch (B), given lengths: none where it ended before."""
        assert self.lengths is not None
        return np.clip(self.lengths - self.start, 0, self.end - self.start)

    @cached_property
    def valid(self) -> Array:
        """Which steps count (T, B), given lengths."""
        return np.arange(self.end - self.start)[:, None] < self.counts

    @cached_property
    def padding(self) -> Array:
        """Numbers of the rows (T B, F) that are padding, given lengths."""
        return np.flatnonzero(~self.valid)

    @cached_property
    def order(self) -> Array:
        """Number of the row (T B, F) that each row is, read from the other end: step n - 1 - t of n. An involution."""
        T, B = self.end - self.start, self.inputs.shape[-2]
        t = np.arange(T)[:, None]
        counts = T if self.lengths is None else self.counts
        return (np.where(t < counts, counts - 1 - t, t) * B + np.arange(B)).ravel()

    def clear(self, *arrays: Array) -> None:
        """Write zeros past each length: what overflowed there would make NaN of a gradient that is zero."""
        if self.lengths is None or not len(self.padding):
            return
        for array in arrays:
            rows(array[self.start - self.end :])[self.padding] = 0

    def after(self, states: Array) -> Array:
        """Return the states (..., B, H) after each sequence's last step: a copy. One that ended before has moved on."""
        if self.lengths is None:
            return states[..., -1, :, :].copy()
        return states[self.counts, np.arange(len(self.counts))]

    def last(self, out: Array, before: Array | None) -> Array:
        """Return the last of each sequence's outputs (..., B, F), that `before` where it ended before."""
        if self.lengths is None:
            return steps(out)[-1]
        last = out[np.maximum(self.counts, 1) - 1, np.arange(len(self.counts))]
        return last if before is None else np.where(self.counts[:, None] > 0, last, before)

    def put_last(self, dlast: Array, dout: Array, losses: int) -> None:
        """Write into dout (..., T, B, F) the gradient by those last outputs that are of steps `losses` or later.

        Without lengths only the last row is written: with zeros unless it is the batch's last.
        """
        if self.lengths is None:
            dout[..., -1, :, :] = dlast if self.is_last else 0
            return
        dout[...] = 0
        (chosen,) = np.nonzero((self.lengths > losses) & (self.lengths <= self.end))
        dout[self.counts[chosen] - 1, chosen] = dlast[chosen]

    def turned(self, a: Array, out: Array | None = None) -> Array:
        """Return a (T, B, F) with each sequence read from its other end, padding where it is."""
        out = np.empty(a.shape, a.dtype) if out is None else out
        np.take(rows(a), self.order, axis=0, out=rows(out), mode="clip")  # "raise" would go through a buffer
        return out

    def mask(self, number: int, *, reverse: bool) -> Array | None:
        """Return the mask (T or 1, B, H) of a layer and direction by its number, in the order in which it reads."""
        if self.masks is None:
            return None
        mask = self.masks[:, number]
        return self.turned(mask) if reverse and len(mask) > 1 else mask
