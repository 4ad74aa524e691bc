"""A sequence cut into segments of equal length, and joined again."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

Array = jax.Array


def pieces(sequence: Array, n: int) -> list[Array]:
    """Cut (T, ...) into segments (count, n, ...), after a shorter one (1, T mod n, ...) if n does not divide T."""
    rest = len(sequence) % n
    equal = sequence[rest:].reshape(-1, n, *sequence.shape[1:])
    return [piece for piece in (sequence[None, :rest], equal) if piece.size]


def join(segments: Sequence[Array]) -> Array:
    """Undo `pieces`: return (T, ...)."""
    return jnp.concatenate([piece.reshape(-1, *piece.shape[2:]) for piece in segments])
