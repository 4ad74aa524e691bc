"""Exact laws of linear networks against Monte Carlo and direct sums."""

import math

import numpy as np
import pytest
from gradsuite.theory import linear
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(("width", "depth", "sigma_w"), [(4, 3, 0.9), (16, 20, 1.1), (64, 5, 1.0)])
def test_deep_linear_mean_and_variance(width, depth, sigma_w):
    samples = 100_000
    chi_squared = np.random.default_rng(1).chisquare(width, (samples, depth))
    logs = np.log(sigma_w**2 * chi_squared / width).sum(axis=1)
    variance = linear.log_ratio_variance(width, depth)
    # 4 standard errors of a mean and of a variance; the logs of few chi^2 are skewed, hence twice the normal error.
    assert logs.mean() == pytest.approx(
        linear.log_ratio_mean(width, depth, sigma_w), abs=4 * math.sqrt(variance / samples)
    )
    assert logs.var() == pytest.approx(variance, rel=8 * math.sqrt(2 / samples))


def test_the_mean_of_the_log_lies_half_the_variance_below_the_log_of_the_mean():
    # Up to the next order in 1 / N: L / (3 N^2) at most.
    N, L = 200, 50
    assert linear.log_ratio_mean(N, L, 1.0) == pytest.approx(-linear.log_ratio_variance(N, L) / 2, abs=L / N**2)


def test_relu_variance():
    assert linear.relu_log_variance(64, 20) == pytest.approx(1.5625)


@given(a=st.floats(-1.2, 1.2), time=st.integers(1, 40), horizon=st.integers(1, 50))
def test_truncated_gradient_against_the_recursion(a, time, horizon):
    h, total, terms = 0.0, 0.0, []
    for _ in range(time):
        terms = [a * term for term in terms] + [h]  # dh_t/da by the step at which a acted
        h = a * h + 1.0
    total = math.fsum(terms[-horizon:])
    assert linear.scalar_gradient(a, time, horizon) == pytest.approx(total, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("a", [0.5, 0.9])
def test_truncation_bias_tends_to_a_power(a):
    assert linear.truncation_bias(a, 2000, 12) == pytest.approx(a**12, rel=1e-12)


def test_no_bias_when_the_horizon_covers_the_sequence():
    assert linear.truncation_bias(0.9, 30, 30) == 0.0
