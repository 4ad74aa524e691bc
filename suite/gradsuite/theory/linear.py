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
