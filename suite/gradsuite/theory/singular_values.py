"""Singular values of Gaussian matrices W, N x N with independent N(0, 1 / N) entries, and of their powers."""

import math

import numpy as np
from numpy.typing import ArrayLike

# Mean and standard deviation of the Tracy-Widom law of real matrices, beta = 1 (Johnstone 2001); the tests compare them
# with random matrices.
TRACY_WIDOM = (-1.20653, 1.26798)


def quarter_circle(x: ArrayLike) -> np.ndarray:
    """Return the density of the singular values of W as N grows: sqrt(4 - x^2) / pi on [0, 2]."""
    inside = np.clip(x, 0.0, 2.0)
    return np.sqrt(4.0 - inside**2) / math.pi


def quarter_circle_below(x: ArrayLike) -> np.ndarray:
    """Return the share of singular values below x."""
    half = np.clip(x, 0.0, 2.0) / 2.0
    return 2.0 / math.pi * (np.arcsin(half) + half * np.sqrt(1.0 - half**2))


def largest(size: int) -> tuple[float, float]:
    """Return mean and standard deviation of the largest singular value of W: 2 - O(N^(-2/3)), edge law of Wishart."""
    m, n = math.sqrt(size - 1), math.sqrt(size)
    centre, scale = (m + n) ** 2 / size, (m + n) * (1.0 / m + 1.0 / n) ** (1.0 / 3.0) / size
    mean, sd = TRACY_WIDOM
    edge = math.sqrt(centre + mean * scale)
    return edge, sd * scale / (2.0 * edge)


def spread(factors: int) -> float:
    """Return E s^4 / (E s^2)^2 of the singular values of a product of k Gaussian matrices, as N grows: k + 1.

    The second Fuss-Catalan number; powers of one matrix agree. Dynamical isometry is 1.
    """
    return factors + 1.0
