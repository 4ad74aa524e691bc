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

    @property
    def valid(self) -> Array | None:
        """Which steps of which sequences count (T, B, 1); None if all do."""
        return None if self.lengths is None else padding.valid(self.lengths, len(self.x))

    def counted(self, model: Model) -> Array | None:
        """Return which of the outputs count (T, B, 1), or None if all do."""
        return self.valid if model.readout == "all" else None

    def ordered(self, sequence: Array, *, reverse: bool) -> Array:
        """Return (T, B, ...) in the order in which a direction reads it; and back, by the same."""
        return padding.reverse(sequence, self.lengths) if reverse else sequence

    def last(self, sequence: Array) -> Array:
        """Return (B, ...) of (T, B, ...): the last step, or each sequence's."""
        return sequence[-1] if self.lengths is None else padding.last(sequence, self.lengths)

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
        stretches, begin = [], 0
        for k, x in enumerate(segments.pieces(self.x, n)):
            count, steps = x.shape[:2]
            begins = np.arange(begin, begin + count * steps, steps, dtype=np.int32)
            lengths = None if self.lengths is None else self.lengths - begins[:, None]
            if self.masks is None:
                masks = None
            elif len(self.masks) > 1:
                masks = segments.pieces(self.masks, n)[k]
            else:
                masks = jnp.broadcast_to(self.masks, (count, *self.masks.shape))
            stretches.append(Stretch(x, lengths, masks))
            begin += count * steps
        return stretches

    def _cut(self, cut: Callable[[Array], Array], begin: Array | int) -> "Stretch":
        """Return what is left of all that has a time axis."""
        lengths = None if self.lengths is None else self.lengths - begin
        masks = self.masks if self.masks is None or len(self.masks) == 1 else cut(self.masks)
        return Stretch(cut(self.x), lengths, masks)
