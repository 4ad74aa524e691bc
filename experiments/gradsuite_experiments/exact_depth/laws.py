"""The laws of depth, exact at any width: what a gradient does over layers, and how far samples of it may be off."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from gradsuite.claims import Source
from gradsuite.precision import UNIT_ROUNDOFF
from gradsuite.theory import linear

LN_RATIO = "ln_ratio"  # of |dL/dh|^2 at the lowest layer over that at the top, for each network
LN_RATIO_MEAN = "ln_ratio_mean"  # over the networks, by layers below the top
LN_RATIO_SD = "ln_ratio_sd"

CHI_SQUARED = Source("exact: a sum of logarithms of independent chi-squared variables")
# Of Hanin 2018 the abstract and introduction were read, not the theorem.
HANIN = Source(
    "He et al. 2015, arXiv:1502.01852, sec. 2.2, eq. 13; exact at any width: Hanin 2018, arXiv:1801.03744",
    checked=False,
)
RELU_VARIANCE = Source("mean field at finite width: (3 E phi'^4 / (E phi'^2)^2 - 1) / N per layer")
SAXE = Source("Saxe, McClelland & Ganguli 2013, arXiv:1312.6120, sec. 3; exact")

LINEAR_MEAN = "Deep linear: the mean of ln |dL/dh|^2 changes by L [ln(2 sigma_w^2 / N) + psi(N / 2)]."
LINEAR_SPREAD = "Deep linear: the variance of ln |dL/dh|^2 grows by psi'(N / 2) per layer."
RELU_MEAN = "Deep ReLU: |dL/dh|^2 changes by a factor of sigma_w^2 / 2 per layer on average."
RELU_SPREAD = "Deep ReLU: the variance of ln |dL/dh|^2 is 5 L / N."
ORTHOGONAL_GAIN = "Deep orthogonal: each layer scales |dL/dh| by exactly the gain."

Spread = tuple[np.ndarray, np.ndarray]  # mean and standard deviation of ln |dL/dh|^2, by depth


def linear_ratio(N: int, sigma_w: float, depth: np.ndarray) -> Spread:
    """Return mean and standard deviation of ln |dL/dh|^2 by depth, deep linear networks."""
    return depth * linear.log_ratio_mean(N, 1, sigma_w), np.sqrt(depth * linear.log_ratio_variance(N, 1))


def relu_ratio(N: int, sigma_w: float, depth: np.ndarray) -> Spread:
    """Return the same of deep ReLU networks."""
    variance = linear.relu_log_variance(N, 1)
    return depth * (math.log(sigma_w**2 / 2.0) - variance / 2.0), np.sqrt(depth * variance)


def orthogonal_ratio(N: int, sigma_w: float, depth: np.ndarray) -> Spread:
    """Return the same of deep orthogonal networks, where nothing is random."""
    return depth * math.log(sigma_w**2), 0.0 * depth


@dataclass(frozen=True, slots=True)
class Law:
    """One kind of network, the sigma_w at which its mean squared gradient neither grows nor shrinks, and the ratio.

    `ratio(N, sigma_w, depth)` is the mean and standard deviation of ln |dL/dh|^2 over that at the top.
    """

    activation: str
    initialiser: str
    critical: float
    ratio: Callable[[int, float, np.ndarray], Spread]


LAWS = {
    "linear": Law("identity", "normal", 1.0, linear_ratio),
    "relu": Law("relu", "normal", math.sqrt(2.0), relu_ratio),
    "orthogonal": Law("identity", "orthogonal", 1.0, orthogonal_ratio),
}


def mean_tolerance(variance: float, n: int) -> float:
    """Return four standard errors of the mean of n samples."""
    return 4.0 * math.sqrt(variance / n)


def variance_tolerance(variance: float, n: int) -> float:
    """Return four standard errors of a variance: sqrt(2 / (n - 1)) of itself each."""
    return 4.0 * math.sqrt(2.0 / (n - 1)) * variance


def relu_mean(sigma_w: float, depth: int) -> float:
    """Return the mean ratio of |dL/dh|^2."""
    return float((sigma_w**2 / 2.0) ** depth)


def relu_mean_tolerance(N: int, sigma_w: float, depth: int, n: int) -> float:
    """Return four standard errors of the mean ratio of n samples.

    The log of the ratio is nearly normal, so that the ratio's relative variance is e^variance - 1.
    """
    return 4.0 * math.sqrt(math.expm1(linear.relu_log_variance(N, depth)) / n) * relu_mean(sigma_w, depth)


def relu_variance_tolerance(N: int, depth: int, n: int) -> float:
    """Return four standard errors of a variance, and the next order in 5 / N, which the law leaves out."""
    return (4.0 * math.sqrt(2.0 / (n - 1)) + 5.0 / N) * linear.relu_log_variance(N, depth)


def rounding(N: int, depth: int, dtype: str) -> float:
    """Return what L layers round: each a sum of N products, by sqrt(N) eps of its norm."""
    return depth * math.sqrt(N) * 2.0 * UNIT_ROUNDOFF[dtype]
