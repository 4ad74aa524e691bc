"""Readout and losses."""

from collections.abc import Mapping

import mlx.core as mx
from gradsuite.model import Model


def outputs(model: Model, parameters: Mapping[str, mx.array], top: mx.array) -> mx.array:
    """Return the outputs from the top layer's states: (T, B, O), (B, O) or (B, H)."""
    read = top[-1] if model.recurrent and model.readout != "all" else top
    if model.readout == "none":
        return read
    return read @ parameters["readout.weight"].T + parameters["readout.bias"]


def loss(model: Model, y: mx.array, targets: mx.array) -> mx.array:
    """Return the mean loss over the batch, and over time with readout `all`."""
    if model.loss == "mse":
        return mx.mean(mx.square(y - targets))
    if model.loss == "inner_product":
        return mx.mean(mx.sum(y * targets, axis=-1))
    chosen = mx.take_along_axis(y, targets[..., None], axis=-1)
    return mx.mean(mx.logsumexp(y, axis=-1, keepdims=True) - chosen)
