"""The directions of a layer: forward, and of a bidirectional model backward, too; side by side in what it puts out."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from gradsuite.model import Model

Array = jax.Array


def of_layer(model: Model, layer: int) -> list[tuple[int, bool]]:
    """Return the number of each direction of a layer among all layers' states, and whether it is the backward one."""
    return [(layer * model.directions + reverse, reverse) for reverse in (False, True)[: model.directions]]


def beside(parts: Sequence[Array]) -> Array:
    """Return (..., directions H) of one (..., H) per direction."""
    return parts[0] if len(parts) == 1 else jnp.concatenate(parts, axis=-1)


def part(model: Model, values: Array, *, reverse: bool) -> Array:
    """Return what is one direction's (..., H) of (..., directions H)."""
    if not model.bidirectional:
        return values
    return values[..., model.hidden_size :] if reverse else values[..., : model.hidden_size]
