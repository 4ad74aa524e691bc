"""Expectations under a Gaussian, E f(sqrt(q) z) with z ~ N(0, 1), to rounding."""

import math
from collections.abc import Callable

import numpy as np

Function = Callable[[np.ndarray], np.ndarray]

REACH = 12.0  # exp(-12^2 / 2) is 5e-32: nothing is left beyond
POLE = math.pi / 2  # the nearest pole of tanh, on the imaginary axis; sigmoid's is twice as far


def expectation(f: Function, variance: float) -> float:
    """Return E f(sqrt(variance) z) for f analytic within pi/2 of the real axis.

    The trapezoidal rule, whose error is exp(-2 pi d / h) for a pole at distance d (Trefethen & Weideman 2014, SIAM
    Review 56, thm 5.1): with h = d / 8 below 1e-21, where Gauss-Hermite converges ever more slowly as q grows.
    """
    scale = math.sqrt(variance)
    step = min(0.25, POLE / (8.0 * scale)) if scale else 0.25
    z = np.arange(-math.ceil(REACH / step), math.ceil(REACH / step) + 1) * step
    density = np.exp(-z * z / 2.0) * (step / math.sqrt(2.0 * math.pi))
    return float(density @ f(scale * z))
