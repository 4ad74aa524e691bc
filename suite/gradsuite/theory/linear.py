"""Laws that hold exactly: deep linear and relu networks at any width, and one linear unit through time."""

import math
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln, polygamma


class LogMoments(NamedTuple):
    """Mean, variance and fourth central moment of the logarithm of one layer's factor of |delta|^2."""

    mean: float
    variance: float
    fourth: float


def layer_log(width: int, sigma_w: float = 1.0) -> LogMoments:
    """Return those of a linear Gaussian layer, which multiplies by sigma_w^2 chi^2_N / N."""
    return _mixture(np.array([width]), np.ones(1), 2.0 * sigma_w**2 / width)


def relu_layer_log(width: int, sigma_w: float = 1.0) -> LogMoments:
    """Return those of a Gaussian relu layer without biases, exact at any width, given that any unit is active.

    If the signs of the gradient at the top are symmetric, each of N units is active with probability 1 / 2 whatever
    the gradient is: what its weights w share with the layer's input enters by its sign alone, and -w is as likely as w.
    Of the squared gradient K active units let the share Beta(K / 2, (N - K) / 2) through, and the weights multiply by
    sigma_w^2 chi^2_N / N: together sigma_w^2 chi^2_K / N. Layers are independent. Derived here; checked against
    networks in the tests.
    """
    active = np.arange(1, width + 1)
    logs = gammaln(width + 1) - gammaln(active + 1) - gammaln(width - active + 1)
    weights = np.exp(logs - logs.max())
    return _mixture(active, weights / weights.sum(), 2.0 * sigma_w**2 / width)


def _mixture(counts: np.ndarray, weights: np.ndarray, scale: float) -> LogMoments:
    """Return those of scale chi^2_K / 2, K of these counts: its cumulants given K are polygamma functions of K / 2."""
    means, variances, thirds, fourths = (polygamma(order, counts / 2) for order in range(4))
    mean = weights @ means
    apart = means - mean
    fourth = fourths + 3.0 * variances**2 + 6.0 * variances * apart**2 + 4.0 * thirds * apart + apart**4
    return LogMoments(math.log(scale) + float(mean), float(weights @ (variances + apart**2)), float(weights @ fourth))


def log_ratio_mean(width: int, depth: int, sigma_w: float) -> float:
    """Return E ln |delta_0|^2 / |delta_L|^2 of a deep linear Gaussian network: L [ln(2 sigma_w^2 / N) + psi(N / 2)]."""
    return depth * layer_log(width, sigma_w).mean


def log_ratio_variance(width: int, depth: int) -> float:
    """Return Var ln |delta_0|^2 / |delta_L|^2: the layers are independent, each of variance psi'(N / 2)."""
    return depth * layer_log(width).variance


def relu_log_variance(width: int, depth: int) -> float:
    """Return Var ln |delta_0|^2 / |delta_L|^2 for relu, exact at any width; 5 L / N is its leading order."""
    return depth * relu_layer_log(width).variance


def scalar_state(a: float, time: int) -> float:
    """Return h_T of h_t = a h_(t-1) + 1 from h_0 = 0: (1 - a^T) / (1 - a)."""
    return float(time) if a == 1.0 else (1.0 - a**time) / (1.0 - a)


def scalar_gradient(a: float, time: int) -> float:
    """Return dh_T/da, the sum of j a^(j-1) over 0 < j < T: (1 - T a^(T-1) + (T-1) a^T) / (1 - a)^2.

    Added term by term, since the fraction cancels where a is near 1.
    """
    return math.fsum(j * a ** (j - 1) for j in range(1, time))


def truncation_bias(a: float, time: int, horizon: int) -> float:
    """Return the relative error of dh_T/da when backpropagation stops after k = `horizon` steps, of T = `time` > 1.

    What is left out is all that reaches h_T through h_(T-k), dh_T/dh_(T-k) dh_(T-k)/da: a^k times the gradient of a
    sequence that is k steps shorter. It tends to a^k as T grows if |a| < 1, and to 1 - k / T if a > 1.
    """
    left = max(time - horizon, 0)
    return a**horizon * scalar_gradient(a, left) / scalar_gradient(a, time) if left else 0.0


def input_truncation_bias(a: float, time: int, horizon: int) -> float:
    """Return the same for the gradient of h_T by what is added in every step: (a^k - a^T) / (1 - a^T), 1 - k / T at 1.

    It tends to a^k as T grows if |a| < 1, and to 1 if a > 1.
    """
    return a**horizon * scalar_state(a, max(time - horizon, 0)) / scalar_state(a, time)
