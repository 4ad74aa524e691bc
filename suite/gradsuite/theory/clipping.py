"""What each rule of clipping leaves of a gradient: its length, and the cosine of the angle by which it turns."""

import math

import numpy as np

EPSILON = 1e-6  # torch.nn.utils.clip_grad_norm_ divides by the norm plus this
LEAST = 1e-3  # what a unit's parameters count for at least (Brock et al. 2021, eq. 3)


def norm(length: float, limit: float) -> tuple[float, float]:
    """Return length and cosine after clipping by global norm, as torch does: |g| min(1, c / (|g| + 1e-6)), and 1."""
    return length * min(1.0, limit / (length + EPSILON)), 1.0


def norm_shortfall(length: float) -> float:
    """Return by what part that is shorter than c g / |g| of optax and of Pascanu et al. 2013, algorithm 1."""
    return EPSILON / (length + EPSILON)


def value(g: np.ndarray, limit: float) -> tuple[float, float]:
    """Return length and cosine after limiting every element of g (n) to [-c, c], by sums beyond the limit and within.

    |clip g|^2 = c^2 number beyond + sum g_i^2 within; <g, clip g> = c sum |g_i| beyond + sum g_i^2 within.
    """
    size = abs(g)
    beyond, within = size[size > limit], size[size <= limit]
    length = math.hypot(limit * math.sqrt(len(beyond)), float(np.linalg.norm(within)))
    return length, _cosine(float(limit * beyond.sum() + within @ within), length, float(np.linalg.norm(g)))


def saturated_cosine(g: np.ndarray) -> float:
    """Return the cosine of g with its signs, |g|_1 / (sqrt(n) |g|_2): what value clipping turns it by in the end."""
    return _cosine(float(abs(g).sum()), math.sqrt(len(g)), float(np.linalg.norm(g)))


def unit_ratios(parameters: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Return |g| / max(|p|, 1e-3) of each unit, from the units' norms (Brock et al. 2021, eq. 3)."""
    return gradients / np.maximum(parameters, LEAST)


def unit(parameters: np.ndarray, gradients: np.ndarray, limit: float) -> tuple[float, float]:
    """Return length and cosine after limiting |g| / max(|p|, 1e-3) of each unit to c, from the units' norms."""
    left = np.minimum(gradients, limit * np.maximum(parameters, LEAST))
    length = float(np.linalg.norm(left))
    return length, _cosine(float(gradients @ left), length, float(np.linalg.norm(gradients)))


def _cosine(product: float, length: float, other: float) -> float:
    """Return the cosine of two vectors with this inner product; NaN where one of them has no direction."""
    return product / length / other if length and other else math.nan
