"""A tanh RNN driven by noise: h_t = tanh(W h_(t-1) + u_t), Var W = g^2 / N, u ~ N(0, s^2).

The mean-field theory of depth with the same W at every step, s^2 in the place of sigma_b^2 (Chen, Pennington &
Schoenholz 2018, arXiv:1806.05394). Tied weights leave its leading order alone for lags below about sqrt(N).
"""

import math
from itertools import accumulate, islice
from operator import mul

from gradsuite.theory.activations import second_moment, slope_moment
from gradsuite.theory.mean_field import MeanField, critical_point

# sigma_max(W) is about 2 g (Bai & Yin 1993), and sigma_max < 1 is Pascanu, Mikolov & Bengio's sufficient condition
# (2013, sec. 2.1) for gradients to vanish.
PASCANU_GAIN = 0.5


def mean_field(gain: float, noise_variance: float) -> MeanField:
    """Return the mean field of this network, its variances and chi those of a deep one."""
    return MeanField("tanh", gain, math.sqrt(noise_variance))


def rate(gain: float, noise_variance: float) -> float:
    """Return ln chi_1: the growth of ln |dL/dh_t|^2 per step back in time."""
    chi = mean_field(gain, noise_variance).chi_1
    return math.log(chi) if chi else -math.inf


def rate_from_zero(gain: float, noise_variance: float) -> float:
    """Return the rate of a network that starts at h_0 = 0: without noise it stays there, linear, and it is 2 ln g."""
    return rate(gain, noise_variance) if noise_variance else 2.0 * math.log(gain)


def lyapunov_exponent(gain: float, noise_variance: float) -> float:
    """Return the largest Lyapunov exponent per step: half the rate, which is of the squared norm."""
    return rate(gain, noise_variance) / 2.0


def critical_gain(noise_variance: float) -> float:
    """Return the gain at which gradients neither vanish nor explode: 1 without noise, more with it."""
    return critical_point("tanh", math.sqrt(noise_variance))[0]


def normalised_rate(gain: float, noise_variance: float) -> float:
    """Return ln chi of a tanh RNN with layer normalisation, h' = tanh(LN(W h + u)).

    What it normalises has the variance g^2 E tanh^2 + s^2, and after that 1: chi is g^2 E tanh'^2 over the former, with
    both means at q = 1. Without noise it is 1.18 whatever the gain is, and with noise nowhere more. Derived here.
    """
    square, slope = second_moment("tanh", 1.0), slope_moment("tanh", 1.0)
    return math.log(gain**2 * slope / (gain**2 * square + noise_variance))


def normalised_critical_gain(noise_variance: float) -> float:
    """Return the gain at which gradients neither vanish nor explode with layer normalisation: 3.78 s."""
    return math.sqrt(noise_variance / (slope_moment("tanh", 1.0) - second_moment("tanh", 1.0)))


def truncation_bias(gain: float, noise_variance: float, time: int) -> list[float]:
    """Return |g - g_k| / |g| of dL/dW_hh through the last k of T = `time` steps from h_0 = 0, for k = 0 ... T.

    Step t adds the outer product of dL/dz_t and h_(t-1). States of different steps are orthogonal to leading order
    (they are driven by independent noise, and tanh is odd), so squared norms add up, each in proportion to
    (q_t - s^2) chi(q_t) ... chi(q_T): the square of the bias is the share of the first T - k steps. It decays like
    chi_1^(k/2) below the critical gain, as sqrt(1 - k / T) at it and stays near 1 above it. Derived here; for s > 0.
    """
    field = mean_field(gain, noise_variance)
    variances = list(islice(field.variances(noise_variance), time))
    factors = list(accumulate(map(field.chi, reversed(variances)), mul))  # of the squared gradient, from the last step
    shares = [(q - noise_variance) * factor for q, factor in zip(reversed(variances), factors, strict=True)]
    whole = math.fsum(shares)
    return [math.sqrt(math.fsum(shares[horizon:]) / whole) for horizon in range(time + 1)]
