"""Laws that hold exactly: deep linear and relu networks at any width, and one linear unit through time."""

import math

from scipy.special import polygamma, psi


def log_ratio_mean(width: int, depth: int, sigma_w: float) -> float:
    """Return E ln |delta_0|^2 / |delta_L|^2 of a deep linear Gaussian network.

    Each layer multiplies by sigma_w^2 chi^2_N / N, and E ln chi^2_N = psi(N / 2) + ln 2.
    """
    return depth * (math.log(2.0 * sigma_w**2 / width) + float(psi(width / 2)))


def log_ratio_variance(width: int, depth: int) -> float:
    """Return Var ln |delta_0|^2 / |delta_L|^2: the layers are independent, Var ln chi^2_N = psi'(N / 2)."""
    return depth * float(polygamma(1, width / 2))


def relu_log_variance(width: int, depth: int) -> float:
    """Return the leading order 5 L / N of Var ln |delta_0|^2 / |delta_L|^2 for relu."""
    return 5.0 * depth / width


def scalar_state(a: float, time: int) -> float:
    """Return h_T of h_t = a h_(t-1) + 1 from h_0 = 0: (1 - a^T) / (1 - a)."""
    return float(time) if a == 1.0 else (1.0 - a**time) / (1.0 - a)


def scalar_gradient(a: float, time: int, horizon: int) -> float:
    """Return dh_T/da through the last `horizon` steps only: the sum of a^(T-t) h_(t-1) over T - horizon < t <= T."""
    return math.fsum(a ** (time - t) * scalar_state(a, t - 1) for t in range(max(time - horizon, 0) + 1, time + 1))


def truncation_bias(a: float, time: int, horizon: int) -> float:
    """Return the relative error of dh_T/da when backpropagation stops after `horizon` steps: a^horizon as T grows."""
    return 1.0 - scalar_gradient(a, time, horizon) / scalar_gradient(a, time, time)
