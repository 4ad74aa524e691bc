"""Readout and losses."""

from collections.abc import Mapping
from typing import Any

import autograd.numpy as np
from autograd.tracer import getval
from gradsuite.model import Model

Array = Any


def outputs(model: Model, parameters: Mapping[str, Array], top: Array) -> Array:
    """Return the outputs from the top layer's states: (T, B, O), (B, O) or (B, H)."""
    read = top[-1] if model.recurrent and model.readout != "all" else top
    if model.readout == "none":
        return read
    return read @ parameters["readout.weight"].T + parameters["readout.bias"]


def loss(model: Model, y: Array, targets: Array) -> Array:
    """Return the mean loss over the batch, and over time with readout `all`."""
    if model.loss == "mse":
        return np.mean((y - targets) ** 2)
    if model.loss == "inner_product":
        return np.mean(np.sum(y * targets, axis=-1))
    rows = np.reshape(y, (-1, model.output_width))
    shifted = rows - getval(rows).max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))
    return -np.mean(log_p[np.arange(len(rows)), targets.ravel()])
