"""Gated cells: what the gates alone do to the gradient, exactly.

Gers, Schmidhuber & Cummins 2000 for the forget gate, Jozefowicz, Zaremba & Sutskever 2015 for its bias, Tallec &
Ollivier 2018 (arXiv:1804.11188) for chrono initialisation. With no recurrent weights dc_T/dc_0 is the product of the
f_t (LSTM) and dh_T/dh_0 that of the z_t (GRU).
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.integrate import quad
from scipy.special import expit, log_expit

from gradsuite.errors import UserError
from gradsuite.theory.gaussian import expectation


def keep(bias: float) -> float:
    """Return the factor of the gradient per step through a gate that sees only its bias: sigma(b)."""
    if not math.isfinite(bias):
        raise UserError(f"a gate's bias must be finite, not {bias:g}")
    return float(expit(bias))


def half_life(bias: float) -> float:
    """Return the steps after which half of the gradient is left: ln 2 / -ln sigma(b)."""
    decay = float(np.logaddexp(0.0, -bias))
    return math.log(2.0) / decay if decay else math.inf


def chrono_keep(steps: int, longest: float) -> float:
    """Return E f^k over units with chrono initialisation for dependencies of up to T_max steps.

    With b = ln U(1, T_max - 1), f = u / (1 + u): the integral of (u / (1 + u))^k du / (T_max - 2) from 1 to T_max - 1
    (Tallec & Ollivier 2018, eq. 16). Raises UserError unless T_max is finite and more than 2.
    """
    if not 2.0 < longest < math.inf:
        raise UserError(f"T_max must be finite and more than 2 time steps, not {longest:g}")
    integral, _ = quad(lambda u: (u / (1.0 + u)) ** steps, 1.0, longest - 1.0, epsabs=0.0, epsrel=1e-11, limit=200)
    return float(integral) / (longest - 2.0)


class Moments(NamedTuple):
    """Those of what one step keeps: E k^2, E k^4, and the mean and variance of ln k."""

    square: float
    fourth: float
    log: float
    log_variance: float


def gate_moments(bias: float, deviation: float) -> Moments:
    """Return those of sigma(a) with a ~ N(b, s^2): of z in a GRU, and of 1 - z in a minGRU if b is the negative.

    Where gates see white noise alone they are independent from step to step: the mean squared gradient is a power of
    E k^2, and a typical one of e^(2 E ln k), which is less.
    """
    square, fourth = (expectation(lambda a, n=n: expit(bias + a) ** n, deviation**2) for n in (2, 4))  # type: ignore[misc]
    log = expectation(lambda a: log_expit(bias + a), deviation**2)
    return Moments(square, fourth, log, expectation(lambda a: log_expit(bias + a) ** 2, deviation**2) - log**2)


def coupled_moments(forget_bias: float, input_bias: float, deviation: float) -> Moments:
    """Return those of f / (f + i), f and i gates as above and independent: what a step of a minLSTM keeps."""
    z, weight = np.polynomial.hermite_e.hermegauss(80)
    weights = np.outer(weight, weight) / weight.sum() ** 2
    f, i = np.meshgrid(forget_bias + deviation * z, input_bias + deviation * z, indexing="ij")
    logs = -np.log1p(np.exp(log_expit(i) - log_expit(f)))
    square, fourth, log, log_square = ((weights * x).sum() for x in (np.exp(2 * logs), np.exp(4 * logs), logs, logs**2))
    return Moments(float(square), float(fourth), float(log), float(log_square - log**2))


def lstm_pull(input_bias: float = 0.0, output_bias: float = 0.0) -> float:
    """Return i0 o0, the weight of W_g in the LSTM's Jacobian at the fixed point h = c = 0."""
    return keep(input_bias) * keep(output_bias)


def gru_pull(update_bias: float = 0.0, reset_bias: float = 0.0) -> float:
    """Return (1 - z0) r0, the weight of W_hn in the GRU's Jacobian at the fixed point h = 0."""
    return keep(-update_bias) * keep(reset_bias)


def jacobian_eigenvalues(kept: float, pull: float, weight: np.ndarray) -> np.ndarray:
    """Return the eigenvalues of one step at the fixed point: f0 + i0 o0 eig(W_g), or z0 + (1 - z0) r0 eig(W_hn)."""
    return kept + pull * np.linalg.eigvals(weight)


def lstm_critical_gain(forget_bias: float = 0.0, input_bias: float = 0.0, output_bias: float = 0.0) -> float:
    """Return the gain of W_g above which gradients explode at the fixed point: (1 - f0) / (i0 o0)."""
    return keep(-forget_bias) / lstm_pull(input_bias, output_bias)


def gru_critical_gain(reset_bias: float = 0.0) -> float:
    """Return the gain of W_hn above which gradients explode at the fixed point: 1 / r0, whatever the update gate."""
    return 1.0 / keep(reset_bias)
