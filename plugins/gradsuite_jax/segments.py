"""A sequence cut into segments of equal length, and joined again."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

Array = jax.Array


def pieces(sequence: Array, n: int) -> list[Array]:
    """Cut (T, ...) into segments (count, n, ...), after a shorter one (1, T mod n, ...) if n does not divide T."""
    rest = len(sequence) % n
    equal = sequence[rest:].reshape(-1, n, *sequence.shape[1:])
    return [piece for piece in (sequence[None, :rest], equal) if piece.size]


def join(segments: Sequence[Array]) -> Array:
    """Undo `pieces`: return (T, ...)."""
    return jnp.concatenate([piece.reshape(-1, *piece.shape[2:]) for piece in segments])


def over(step: Callable[[Any, Any], tuple[Any, Any]], carry: Any, sequences: Any, n: int) -> tuple[Any, Any]:
    """Return what `lax.scan` does, for a step that takes n steps of the sequences (T, ...) at once, or fewer."""
    leaves, tree = jax.tree.flatten(sequences)
    found = []
    for cut in zip(*(pieces(leaf, n) for leaf in leaves), strict=True):
        carry, part = lax.scan(step, carry, jax.tree.unflatten(tree, cut))
        found.append(part)
    return carry, jax.tree.map(lambda *parts: join(parts), *found)
