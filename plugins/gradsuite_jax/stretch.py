"""A stretch of time: the steps that layers run over at once, with the sequences' lengths and masks there."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from gradsuite.model import Model
from jax import lax

from gradsuite_jax import padding, segments
from gradsuite_jax.batch import DeviceBatch

Array = jax.Array


class Stretch(NamedTuple):
    """Inputs x (T, B, I); the steps that each sequence has left (B), any integer; masks (T or 1, ..., B, H).

    Past its length a sequence's states stay as they are. Lengths and masks may be None, and then cost nothing.
    """

    x: Array
    lengths: Array | None = None
    masks: Array | None = None

    @classmethod
    def of(cls, batch: DeviceBatch) -> "Stretch":
        """Return all of a batch's steps."""
        return cls(batch.inputs, batch.lengths, batch.masks)

    @property
    def steps(self) -> Array | None:
        """The numbers of the steps (T), for loops that look at lengths; None for those that need not."""
        return None if self.lengths is None else jnp.arange(len(self.x), dtype=self.lengths.dtype)

    def counted(self, model: Model) -> Array | None:
        """Return which of the outputs count (T, B, 1), or None if all do."""
        if self.lengths is None or model.readout != "all":
            return None
        return padding.valid(self.lengths, len(self.x))

    def ordered(self, sequence: Array, *, reverse: bool) -> Array:
        """Return (T, B, ...) in the order in which a direction reads it; and back, by the same."""
        return padding.reverse(sequence, self.lengths) if reverse else sequence

    def masked(self, sequence: Array, number: int) -> Array:
        """Return (T, B, H) times the masks of one layer and direction."""
        return sequence if self.masks is None else sequence * self.masks[:, number]

    def masked_last(self, h: Array, number: int, *, reverse: bool) -> Array:
        """Return (B, H), of the step that a direction reads last, times the masks of one layer and direction there."""
        if self.masks is None:
            return h
        masks = self.masks[:, number]
        if reverse or len(masks) == 1:
            return h * masks[0]
        return h * (masks[-1] if self.lengths is None else padding.last(masks, self.lengths))

    def between(self, begin: int, end: int) -> "Stretch":
        """Return the steps from `begin` to before `end`."""
        return self._cut(lambda sequence: sequence[begin:end], begin)

    def window(self, begin: Array, length: int) -> "Stretch":
        """Return `length` steps from `begin`, which a program may compute."""
        return self._cut(lambda sequence: lax.dynamic_slice_in_dim(sequence, begin, length), begin)

    def pieces(self, n: int) -> list["Stretch"]:
        """Cut it as `segments.pieces` does: into stretches with one more axis in front, for `lax.scan`."""
        pieces, begin = [], 0
        for x in segments.pieces(self.x, n):
            count, steps = x.shape[:2]
            end = begin + count * steps

            def cut(sequence: Array, span: slice = slice(begin, end), lead: tuple[int, int] = (count, steps)) -> Array:
                return sequence[span].reshape(*lead, *sequence.shape[1:])

            part = self._cut(cut, np.arange(begin, end, steps, dtype=np.int32)[:, None])
            if part.masks is not None and part.masks is self.masks:
                part = part._replace(masks=jnp.broadcast_to(self.masks, (count, *self.masks.shape)))
            pieces.append(part)
            begin = end
        return pieces

    def _cut(self, cut: Callable[[Array], Array], begin: Array | np.ndarray | int) -> "Stretch":
        """Return what is left of all that has a time axis."""
        lengths = None if self.lengths is None else self.lengths - begin
        masks = self.masks if self.masks is None or len(self.masks) == 1 else cut(self.masks)
        return Stretch(cut(self.x), lengths, masks)
