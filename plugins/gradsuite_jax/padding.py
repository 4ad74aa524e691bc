"""Padding after the end of each sequence: which steps count, which is the last, and the way back from it."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

Array = jax.Array


def valid(lengths: Array, steps: int) -> Array:
    """Return which steps of which sequences count, (T, B, 1)."""
    return jnp.arange(steps, dtype=lengths.dtype)[:, None, None] < lengths[:, None]


def chosen(where: Array, these: Sequence[Array], those: Sequence[Any]) -> tuple[Array, ...]:
    """Return each of these arrays where it is so, each of those elsewhere."""
    return tuple(jnp.where(where, this, that) for this, that in zip(these, those, strict=True))


def last(sequence: Array, lengths: Array) -> Array:
    """Return (B, H) of (T, B, H): each sequence's last step."""
    return jnp.take_along_axis(sequence, lengths[None, :, None] - 1, axis=0)[0]


def reverse(sequence: Array, lengths: Array | None) -> Array:
    """Return (T, B, H) with the steps before each length in the opposite order; twice, it is what it was."""
    if lengths is None:
        return sequence[::-1]
    t = jnp.arange(len(sequence), dtype=lengths.dtype)[:, None]
    steps = jnp.where(t < lengths, lengths - 1 - t, t)
    return jnp.take_along_axis(sequence, steps[..., None], axis=0)
