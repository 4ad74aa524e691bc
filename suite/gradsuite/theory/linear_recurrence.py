"""Linear recurrences, s_t = lambda s_(t-1) + u_t for each unit: what is left of a gradient, and what adds up of it.

Orvieto et al. 2023 (arXiv:2303.06349) for eigenvalues on a ring, Zucchet & Orvieto 2024 (arXiv:2405.21064) for the
sensitivity to an eigenvalue. Eigenvalues uniform on the ring r_min < |lambda| < r_max have |lambda|^2 uniform between
the squares of the radii.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from gradsuite.errors import UserError


def ring_power(steps: ArrayLike, r_min: float = 0.0, r_max: float = 1.0) -> np.ndarray:
    """Return E |lambda|^(2 k) on the ring: what k steps leave of the squared gradient; on the disk 1 / (k + 1)."""
    a, b = _squares(r_min, r_max)
    k = np.asarray(steps) + 1.0
    return np.asarray((b**k - a**k) / (k * (b - a)))


def ring_growth(r_min: float, r_max: float) -> float:
    """Return E 1 / (1 - |lambda|^2) = ln[(1 - r_min^2) / (1 - r_max^2)] / (r_max^2 - r_min^2) (Orvieto, prop. 3.3).

    It is E |s|^2 over that of the noise u, and the sum over all steps of the squared gradient over the last one's.
    """
    a, b = _squares(r_min, r_max)
    return math.log((1.0 - a) / (1.0 - b)) / (b - a) if b < 1.0 else math.inf


def ring_growth_variance(r_min: float, r_max: float) -> float:
    """Return the variance of 1 / (1 - |lambda|^2) on the ring, whose second moment is 1 / ((1 - a) (1 - b))."""
    a, b = _squares(r_min, r_max)
    return 1.0 / ((1.0 - a) * (1.0 - b)) - ring_growth(r_min, r_max) ** 2 if b < 1.0 else math.inf


def energy(modulus: ArrayLike, steps: int) -> np.ndarray:
    """Return (1 - |lambda|^(2 T)) / (1 - |lambda|^2), the sum of |lambda|^(2 k) below T: E |s_T|^2 of white noise."""
    squares = np.square(np.asarray(modulus))
    return np.asarray(np.expm1(steps * np.log(squares)) / np.expm1(np.log(squares)))


def sensitivity(modulus: float) -> float:
    """Return E (ds/dlambda)^2 = (1 + l^2) / (1 - l^2)^3 of white noise, for a real eigenvalue l (Zucchet & Orvieto)."""
    square = modulus**2
    return (1.0 + square) / (1.0 - square) ** 3


def sensitivity_left_out(modulus: float, steps: int) -> float:
    """Return what T = `steps` steps leave out of it, over it: the terms k^2 l^(2 (k - 1)) from k = T on."""
    square = modulus**2
    tail = (1.0 - square) ** 2 * steps**2 + 2.0 * square * (1.0 - square) * steps + square * (1.0 + square)
    return square ** (steps - 1) * tail / (1.0 + square)


def _squares(r_min: float, r_max: float) -> tuple[float, float]:
    if not 0.0 <= r_min < r_max <= 1.0:
        raise UserError(f"radii must be 0 <= r_min < r_max <= 1, not {r_min:g} and {r_max:g}")
    return r_min**2, r_max**2
