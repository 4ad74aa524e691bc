"""The laws of depth, exact at any width: what a gradient does over layers, and how far samples of it may be off."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from gradsuite.claims import Source
from gradsuite.precision import UNIT_ROUNDOFF
from gradsuite.theory import linear
from gradsuite.theory.linear import LogMoments

LN_RATIO = "ln_ratio"  # of |dL/dh|^2 at the lowest layer over that at the top, for each network
LN_RATIO_MEAN = "ln_ratio_mean"  # over the networks, by layers below the top
LN_RATIO_SD = "ln_ratio_sd"
FACTOR_MEAN = "factor_mean"  # of |dL/dh|^2 over that of the layer above, over the networks, by layers below the top
LN_FACTOR_VARIANCE = "ln_factor_variance"

CHI_SQUARED = Source("exact: a sum of logarithms of independent chi-squared variables")
# Of Hanin 2018 the abstract and introduction were read, not the theorem.
HANIN = Source(
    "He et al. 2015, arXiv:1502.01852, sec. 2.2, eq. 13; exact at any width: Hanin 2018, arXiv:1801.03744",
    checked=False,
)
RELU_VARIANCE = Source("exact: K of N units are active, K binomial, and let sigma_w^2 chi^2_K / N through")
SAXE = Source("Saxe, McClelland & Ganguli 2013, arXiv:1312.6120, sec. 3; exact")

LINEAR_MEAN = "Deep linear: the typical |dL/dh|^2 changes by a factor of 2 sigma_w^2 / N exp(psi(N / 2)) per layer."
LINEAR_SPREAD = "Deep linear: the variance of ln |dL/dh|^2 grows by psi'(N / 2) per layer."
RELU_MEAN = "Deep ReLU: |dL/dh|^2 changes by a factor of sigma_w^2 / 2 per layer on average."
RELU_SPREAD = "Deep ReLU: the variance of ln |dL/dh|^2 grows by E psi'(K / 2) + Var psi(K / 2) per layer, about 5 / N."
ORTHOGONAL_GAIN = "Deep orthogonal: each layer scales |dL/dh| by exactly the gain."

SQUARED_FACTOR = "the squared state gradient's factor per layer"
FACTOR = "the state gradient's factor per layer"
GROWING_VARIANCE = "the variance of the squared state gradient's logarithm, per layer"

Spread = tuple[np.ndarray, np.ndarray]  # mean and standard deviation of ln |dL/dh|^2, by depth


def linear_ratio(N: int, sigma_w: float, depth: np.ndarray) -> Spread:
    """Return mean and standard deviation of ln |dL/dh|^2 by depth, deep linear networks."""
    return depth * linear.log_ratio_mean(N, 1, sigma_w), np.sqrt(depth * linear.log_ratio_variance(N, 1))


def relu_ratio(N: int, sigma_w: float, depth: np.ndarray) -> Spread:
    """Return the same of deep ReLU networks."""
    layer = linear.relu_layer_log(N, sigma_w)
    return depth * layer.mean, np.sqrt(depth * layer.variance)


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


def typical(layer: LogMoments, n: int) -> tuple[float, float]:
    """Return the factor that a layer's logarithm has for its mean, and four standard errors over n layers."""
    factor = math.exp(layer.mean)
    return factor, 4.0 * math.sqrt(layer.variance / n) * factor


def spread(layer: LogMoments, n: int) -> tuple[float, float]:
    """Return the variance of a layer's logarithm, and four standard errors of a sample's over n independent layers.

    A sample variance has the variance (fourth moment - variance^2) / n, up to the next order in 1 / n.
    """
    return layer.variance, 4.0 * math.sqrt((layer.fourth - layer.variance**2) / n)


def relu_mean(N: int, sigma_w: float, n: int) -> tuple[float, float]:
    """Return the mean factor of a ReLU layer, and four standard errors over n independent layers.

    The factor sigma_w^2 chi^2_K / N, K binomial, has a relative variance of exactly 5 / N.
    """
    factor = sigma_w**2 / 2.0
    return factor, 4.0 * math.sqrt(5.0 / N / n) * factor


def rounding(N: int, depth: int, dtype: str) -> float:
    """Return what L layers round: each a sum of N products, by sqrt(N) eps of its norm."""
    return depth * math.sqrt(N) * 2.0 * UNIT_ROUNDOFF[dtype]
