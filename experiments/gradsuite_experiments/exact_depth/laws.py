"""The exact laws of deep networks at initialisation, their sources and tolerances."""

import math

import numpy as np
from gradsuite.claims import Source
from gradsuite.precision import UNIT_ROUNDOFF
from gradsuite.theory import linear

# Metrics: ln |dL/dh|^2 over that at the top, of each network (member), and its mean and spread over them by layer.
LOG_RATIO = "ln_ratio"
LOG_RATIO_MEAN = "ln_ratio_mean"
LOG_RATIO_SD = "ln_ratio_sd"

# Each law's activation, initialiser, and the sigma_w at which the mean squared gradient neither grows nor shrinks.
LAWS = {
    "linear": ("identity", "normal", 1.0),
    "relu": ("relu", "normal", math.sqrt(2.0)),
    "orthogonal": ("identity", "orthogonal", 1.0),
}

SAXE = Source("Saxe, McClelland & Ganguli 2013, arXiv:1312.6120, sec. 3; exact")
# He et al. were read; that the mean is exact at any width was not seen in Hanin's own text.
HE = Source(
    "He et al. 2015, arXiv:1502.01852, sec. 2.2, eq. 13; exact at any width: Hanin 2018, arXiv:1801.03744", False
)
CHI_SQUARED = Source("exact: a sum of logarithms of independent chi-squared variables")
FINITE_WIDTH = Source("mean field at finite width: (3 E phi'^4 / (E phi'^2)^2 - 1) / N per layer")


def sigma_w(law: str, relative_gain: float) -> float:
    """Return sigma_w, given over the critical value of its law."""
    return relative_gain * LAWS[law][2]


def log_ratio(law: str, width: int, sigma_w: float, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and standard deviation of ln |dL/dh|^2 by depth."""
    if law == "linear":
        return depth * linear.log_ratio_mean(width, 1, sigma_w), np.sqrt(depth * linear.log_ratio_variance(width, 1))
    if law == "relu":
        variance = linear.relu_log_variance(width, 1)
        return depth * (math.log(sigma_w**2 / 2.0) - variance / 2.0), np.sqrt(depth * variance)
    return depth * math.log(sigma_w**2), 0.0 * depth


def mean_tolerance(variance: float, count: int) -> float:
    """Return four standard errors of a mean over `count` networks."""
    return 4.0 * math.sqrt(variance / count)


def variance_tolerance(variance: float, count: int, *, neglected: float = 0.0) -> float:
    """Return four standard errors of a variance, sqrt(2 / (n - 1)) of it each, and the share that the law neglects."""
    return (4.0 * math.sqrt(2.0 / (count - 1)) + neglected) * variance


def ratio_tolerance(expected: float, variance: float, count: int) -> float:
    """Return four standard errors of a mean ratio: ln ratio is nearly normal, so its relative variance is e^v - 1."""
    return 4.0 * math.sqrt(math.expm1(variance) / count) * expected


def rounding_tolerance(width: int, depth: int, dtype: str) -> float:
    """Return what rounding may change: each of `depth` layers rounds a sum of N products, sqrt(N) eps of its norm."""
    return depth * math.sqrt(width) * 2.0 * UNIT_ROUNDOFF[dtype]
