"""A step with zeros added to the carry that it hands on: the gradient by them is the gradient by the carry."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array


def widths(carry: Any) -> list[int]:
    """Return how many numbers of each sequence every array of the carry has, those of integers aside."""
    return [leaf.shape[-1] for leaf in inexact(carry)]


def inexact(carry: Any) -> list[Array]:
    """Return the arrays in a carry that have gradients."""
    return [leaf for leaf in jax.tree.leaves(carry) if jnp.issubdtype(jnp.result_type(leaf), jnp.inexact)]


def nudged(carry: Any, y: Any, nudges: Sequence[Array]) -> tuple[Any, Any]:
    """Return a carry with nudges added to its arrays, and a step's output in which they stand in those arrays' place.

    What a step puts out is often a part of its carry, as h is: it is then the nudged one.
    """
    left = iter(nudges)
    moved: dict[int, Array] = {id(leaf): leaf + next(left).astype(leaf.dtype) for leaf in inexact(carry)}

    def replaced(tree: Any) -> Any:
        return jax.tree.map(lambda leaf: moved.get(id(leaf), leaf), tree)

    return replaced(carry), replaced(y)
