"""Losses, and their derivatives with respect to the outputs.

Each takes outputs (..., N, O), targets that broadcast to it, and the number of leading axes of a stack (0 or 1);
each returns the loss (one per network) and dL/d(outputs).
"""

from collections.abc import Callable
from math import prod

import numpy as np

from gradsuite_numpy.arrays import Array

Loss = Callable[[Array, Array, int], tuple[Array, Array]]


def mse(outputs: Array, targets: Array, stacked: int) -> tuple[Array, Array]:
    """L = mean (y - target)^2 over every element."""
    difference = outputs - targets
    loss = np.mean(difference * difference, axis=_averaged(outputs, stacked))
    return loss, difference * outputs.dtype.type(2 / _count(outputs, stacked))


def cross_entropy(outputs: Array, targets: Array, stacked: int) -> tuple[Array, Array]:
    """L = mean -log softmax(y)[class] over all but the last axis; targets are the classes."""
    classes = np.broadcast_to(targets, outputs.shape[:-1])[..., None]
    shifted = outputs - outputs.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    picked = np.take_along_axis(log_p, classes, axis=-1)
    slope = np.exp(log_p)
    np.put_along_axis(slope, classes, np.take_along_axis(slope, classes, axis=-1) - 1, axis=-1)
    return -np.mean(picked, axis=_averaged(outputs, stacked)), slope / _count(picked, stacked)


def inner_product(outputs: Array, targets: Array, stacked: int) -> tuple[Array, Array]:
    """L = mean <target, y> over all but the last axis."""
    targets = np.broadcast_to(targets, outputs.shape)
    count = _count(outputs, stacked) // outputs.shape[-1]
    loss = np.sum(outputs * targets, axis=_averaged(outputs, stacked)) / count
    return loss.astype(outputs.dtype), targets / outputs.dtype.type(count)


LOSSES: dict[str, Loss] = {"mse": mse, "cross_entropy": cross_entropy, "inner_product": inner_product}


def over_valid(loss: Loss, outputs: Array, targets: Array, valid: Array) -> tuple[Array, Array]:
    """Return a loss (of one network) over the steps that count, and its gradient (T, B, O), zero at all others."""
    dy = np.zeros_like(outputs)
    value, dy[valid] = loss(outputs[valid], targets[valid], 0)
    return value, dy


def _averaged(outputs: Array, stacked: int) -> tuple[int, ...]:
    return tuple(range(stacked, outputs.ndim))


def _count(outputs: Array, stacked: int) -> int:
    return prod(outputs.shape[stacked:])
