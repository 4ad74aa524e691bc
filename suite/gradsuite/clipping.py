"""Clipping of gradients, written once over plain array operators so that it runs on any backend's arrays."""

from collections.abc import Mapping
from typing import Any

Array = Any
Arrays = Mapping[str, Array]

NORM_EPSILON = 1e-6  # torch.nn.utils.clip_grad_norm_ divides by the norm plus this
UNIT_EPSILON = 1e-3  # a unit's parameters count for at least this norm, so that zeros can move (Brock et al. 2021)


def global_norm(gradients: Arrays, *, stacked: bool = False) -> Array:
    """Return the Euclidean norm over all gradients together, a 0-d array of their dtype; (S,) for a stack."""
    if stacked:
        return sum((g * g).reshape(len(g), -1).sum(-1) for g in gradients.values()) ** 0.5
    return sum((g * g).sum() for g in gradients.values()) ** 0.5


def clip_by_global_norm(gradients: Arrays, limit: float, *, stacked: bool = False) -> dict[str, Array]:
    """Scale all gradients by min(1, limit / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_ does.

    An infinite norm gives 0 where the gradient is finite and NaN where it is not. In a stack each network has its own
    norm.
    """
    scale = limited(limit / (global_norm(gradients, stacked=stacked) + NORM_EPSILON), high=1.0)
    return {name: g * (scale.reshape(-1, *[1] * (g.ndim - 1)) if stacked else scale) for name, g in gradients.items()}


def clip_by_unit_norm(parameters: Arrays, gradients: Arrays, limit: float) -> dict[str, Array]:
    """Limit each unit's gradient to `limit` times the norm of its parameters, or times 1e-3 if they are smaller.

    A unit is a row of a matrix (the weights of one neuron) or a whole vector of biases (Brock et al. 2021, eq. 3).
    """
    return {name: limit_units(parameters[name], g, limit) for name, g in gradients.items()}


def limit_units(p: Array, g: Array, limit: float) -> Array:
    """Scale g along its last axis by min(1, limit max(|p|, 1e-3) / |g|)."""
    most = limit * limited(unit_norm(p), low=UNIT_EPSILON)
    return g * (most / limited(unit_norm(g), low=most))  # a factor of exactly 1 up to the limit, no division by zero


def unit_norm(x: Array) -> Array:
    """Return the Euclidean norm along the last axis, which stays with length 1."""
    return (x * x).sum(-1, keepdims=True) ** 0.5


def clip_by_value(gradients: Arrays, limit: float) -> dict[str, Array]:
    """Limit every element to [-limit, limit], as torch.nn.utils.clip_grad_value_ does."""
    return {name: limited(g, -limit, limit) for name, g in gradients.items()}


def limited(x: Array, low: Any = None, high: Any = None) -> Array:
    """Return x limited to [low, high], and NaN where it is NaN: by its own method `clip`, or without one by operators.

    A limit is a number or an array that broadcasts to x; None is no limit.
    """
    if hasattr(x, "clip"):
        return x.clip(min=low, max=high)
    if low is not None:
        x = _replaced(x, x < low, low)
    return x if high is None else _replaced(x, x > high, high)


def _replaced(x: Array, there: Array, value: Any) -> Array:
    """Return x, with `value` where the booleans `there` are true.

    As a product of powers with the exponents 0 and 1: a^0 is 1 for infinity too, whereas 0 a would be NaN.
    """
    return x**~there * (x**0 * value) ** there
