"""Gaussian moments of the activations: E phi^2, E phi'^2 and E phi'^4 at pre-activation variance q."""

import math
from collections.abc import Callable

import numpy as np
from scipy.special import expit

from gradsuite.errors import unknown
from gradsuite.theory.gaussian import expectation

Function = Callable[[np.ndarray], np.ndarray]


def tanh_slope(x: np.ndarray) -> np.ndarray:
    """The derivative 1 - tanh^2, as 1 / cosh^2, which does not cancel where tanh saturates."""
    e = np.exp(-2.0 * np.abs(x))
    return 4.0 * e / (1.0 + e) ** 2


def sigmoid_slope(x: np.ndarray) -> np.ndarray:
    """The derivative sigma (1 - sigma), as sigma(x) sigma(-x)."""
    return expit(x) * expit(-x)


SMOOTH: dict[str, tuple[Function, Function]] = {"tanh": (np.tanh, tanh_slope), "sigmoid": (expit, sigmoid_slope)}
# Piecewise linear: phi' is 0 or 1, and 1 with this probability, whatever the variance.
LINEAR = {"relu": 0.5, "identity": 1.0}


def check(activation: str) -> None:
    """Raise UserError for an activation that has no mean-field theory here."""
    if activation not in SMOOTH and activation not in LINEAR:
        raise unknown("activation", activation, [*SMOOTH, *LINEAR])


def first_moment(activation: str, q: float) -> float:
    """Return E phi(sqrt(q) z): zero for what is odd."""
    return {"relu": math.sqrt(q / (2.0 * math.pi)), "sigmoid": 0.5}.get(activation, 0.0)


def second_moment(activation: str, q: float) -> float:
    """Return E phi(sqrt(q) z)^2."""
    if activation in LINEAR:
        return LINEAR[activation] * q
    phi, _ = SMOOTH[activation]
    return expectation(lambda u: phi(u) ** 2, q)


def slope_moment(activation: str, q: float, power: int = 2) -> float:
    """Return E phi'(sqrt(q) z)^power."""
    if activation in LINEAR:
        return LINEAR[activation]
    _, slope = SMOOTH[activation]
    return expectation(lambda u: slope(u) ** power, q)
