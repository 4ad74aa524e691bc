"""The readout y = W h + b of the hidden states, and the loss, forward and backward."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from gradsuite.model import Model

Array = jax.Array
Arrays = Mapping[str, Array]


def readout(model: Model, parameters: Arrays, h: Array, counted: Array | None = None) -> Array:
    """Return the outputs (..., O) of states h (..., H), zero where they do not count: h itself without a readout."""
    if model.readout == "none":
        return h
    y = h @ parameters["readout.weight"].T + parameters["readout.bias"]
    return y if counted is None else jnp.where(counted, y, 0)


def readout_backward(model: Model, parameters: Arrays, h: Array, dy: Array) -> tuple[dict[str, Array], Array]:
    """Return the readout's parameter gradients and dL/dh, from dL/dy."""
    if model.readout == "none":
        return {}, dy
    rows, columns = dy.reshape(-1, dy.shape[-1]), h.reshape(-1, h.shape[-1])
    gradients = {"readout.weight": rows.T @ columns, "readout.bias": rows.sum(0)}
    return gradients, dy @ parameters["readout.weight"]


def loss(model: Model, y: Array, targets: Array, counted: Array | None = None) -> Array:
    """Return the scalar loss of outputs y (..., O), of those that are counted (..., 1): see `Model` for definitions."""
    if model.loss == "mse":
        return ((y - targets) ** 2).mean(where=counted)
    if model.loss == "cross_entropy":
        return -jnp.take_along_axis(jax.nn.log_softmax(y), targets[..., None], -1).mean(where=counted)
    return (y * targets).sum(-1, keepdims=counted is not None).mean(where=counted)


def loss_backward(model: Model, y: Array, targets: Array, counted: Array | None = None) -> Array:
    """Return dL/dy, zero where it is not counted."""
    examples: Any = y.size // y.shape[-1]
    if counted is not None:
        examples = counted.sum().astype(jnp.promote_types(y.dtype, jnp.float32))
    if model.loss == "mse":
        dy = (y - targets) * (2 / (examples * y.shape[-1]))
    elif model.loss == "cross_entropy":
        dy = (jax.nn.softmax(y) - jax.nn.one_hot(targets, y.shape[-1], dtype=y.dtype)) / examples
    else:
        dy = targets / examples
    return dy if counted is None else jnp.where(counted, dy, 0).astype(y.dtype)
