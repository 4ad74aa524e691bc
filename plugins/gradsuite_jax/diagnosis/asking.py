"""The losses that are known by a name, of what a JAX network puts out."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from gradsuite.diagnosis.patient import Question
from gradsuite.errors import UserError
from jax import Array


def loss_of(output: Any, batch: Any, question: Question) -> Array:
    """Return the loss. Raises UserError if it is no number, or if there is no target."""
    if callable(question.loss):
        value = jnp.asarray(question.loss(output, batch))
    else:
        value = _known(str(question.loss), output, target_of(batch))
    if value.size != 1 or not jnp.issubdtype(value.dtype, jnp.inexact):
        raise UserError(f"the loss must be one number, not {value.dtype} {value.shape}")
    return value.reshape(())


def target_of(batch: Any) -> Array:
    """Return the last element of a batch, or its `target`. Raises UserError where there is none."""
    if isinstance(batch, Mapping) and "target" in batch:
        return jnp.asarray(batch["target"])
    if isinstance(batch, tuple | list) and len(batch) > 1:
        return jnp.asarray(batch[-1])
    raise UserError("this loss needs a target: give batches (inputs, target), or a loss that is a function")


def given_of(batch: Any, question: Question) -> tuple[Any, ...]:
    """Return what a network is called with: all of a batch but the target, which a loss by name always has."""
    if isinstance(batch, Mapping):
        return tuple(value for name, value in batch.items() if name != "target")
    if isinstance(batch, tuple | list):
        return tuple(batch[:-1]) if len(batch) > 1 else tuple(batch)
    return (batch,)


def _known(name: str, output: Any, target: Array) -> Array:
    output = jax.tree.leaves(output)[0]
    if name == "mse":
        if output.shape != target.shape:
            raise UserError(f"mse of outputs {output.shape} needs targets of their shape, not {target.shape}")
        return jnp.square(output - target).mean()
    if output.shape[:-1] != target.shape or not jnp.issubdtype(target.dtype, jnp.integer):
        raise UserError(
            f"cross_entropy of outputs {output.shape} needs classes {output.shape[:-1]}, not {target.shape}"
        )
    picked = jnp.take_along_axis(jax.nn.log_softmax(output), target[..., None], axis=-1)
    return -picked.mean()
