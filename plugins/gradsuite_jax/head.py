"""The readout y = W h + b of the hidden states, and the loss, forward and backward."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from gradsuite.model import Model

Array = jax.Array
Arrays = Mapping[str, Array]


def readout(model: Model, parameters: Arrays, h: Array) -> Array:
    """Return the outputs (..., O) of states h (..., H): h itself without a readout."""
    if model.readout == "none":
        return h
    return h @ parameters["readout.weight"].T + parameters["readout.bias"]


def readout_backward(model: Model, parameters: Arrays, h: Array, dy: Array) -> tuple[dict[str, Array], Array]:
    """Return the readout's parameter gradients and dL/dh, from dL/dy."""
    if model.readout == "none":
        return {}, dy
    rows, columns = dy.reshape(-1, dy.shape[-1]), h.reshape(-1, h.shape[-1])
    gradients = {"readout.weight": rows.T @ columns, "readout.bias": rows.sum(0)}
    return gradients, dy @ parameters["readout.weight"]


def loss(model: Model, y: Array, targets: Array) -> Array:
    """Return the scalar loss of outputs y (..., O): see `Model` for the definitions."""
    if model.loss == "mse":
        return ((y - targets) ** 2).mean()
    if model.loss == "cross_entropy":
        return -jnp.take_along_axis(jax.nn.log_softmax(y), targets[..., None], -1).mean()
    return (y * targets).sum(-1).mean()


def loss_backward(model: Model, y: Array, targets: Array) -> Array:
    """Return dL/dy."""
    if model.loss == "mse":
        return (y - targets) * (2 / y.size)
    examples = y.size // y.shape[-1]
    if model.loss == "cross_entropy":
        return (jax.nn.softmax(y) - jax.nn.one_hot(targets, y.shape[-1], dtype=y.dtype)) / examples
    return targets / examples
