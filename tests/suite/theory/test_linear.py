"""Exact laws of linear networks against Monte Carlo and direct sums."""

import math
from fractions import Fraction

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


def test_relu_layers_against_networks():
    """Four layers of eight units: their factors of the squared gradient are independent, and of the law's moments."""
    N, depth, networks = 8, 4, 40_000
    rng = np.random.default_rng(1)
    weights = rng.standard_normal((depth, networks, N, N)) / math.sqrt(N)
    h, active = np.ones((networks, N)), []
    for layer in weights:
        z = np.einsum("nij,nj->ni", layer, h)
        active.append(z > 0)
        h = np.maximum(z, 0)
    gradients = [rng.standard_normal((networks, N))]
    for layer, on in zip(weights[::-1], active[::-1], strict=True):
        gradients.append(np.einsum("nij,ni->nj", layer, gradients[-1] * on))
    squares = np.square(gradients).sum(axis=2)
    alive = squares[-1] > 0
    logs = np.diff(np.log(squares[:, alive]), axis=0)
    law, n = linear.relu_layer_log(N), logs.size
    # 5 standard errors; at 8 units a chi-squared of 1 makes the fourth moment itself uncertain: twice as many for it.
    assert logs.mean() == pytest.approx(law.mean, abs=5 * math.sqrt(law.variance / n))
    assert logs.var() == pytest.approx(law.variance, abs=5 * math.sqrt((law.fourth - law.variance**2) / n))
    assert abs(np.corrcoef(logs) - np.eye(depth)).max() < 5 / math.sqrt(networks)


@pytest.mark.parametrize("width", [64, 1000])
def test_relu_variance_is_five_over_n_at_leading_order(width):
    # The next order is 20 / N^2.
    assert linear.relu_log_variance(width, 20) == pytest.approx(100 / width, rel=5 / width)


@pytest.mark.parametrize(("moments", "counts"), [(linear.layer_log, 16), (linear.relu_layer_log, None)])
def test_moments_of_a_layer_against_samples(moments, counts):
    N, samples = 16, 400_000
    rng = np.random.default_rng(2)
    active = rng.binomial(N, 0.5, samples) if counts is None else np.full(samples, counts)
    logs = np.log(1.1**2 * rng.chisquare(active[active > 0]) / N)
    law, fourths = moments(N, 1.1), (logs - logs.mean()) ** 4
    assert logs.mean() == pytest.approx(law.mean, abs=5 * math.sqrt(law.variance / samples))
    assert fourths.mean() == pytest.approx(law.fourth, abs=5 * fourths.std() / math.sqrt(samples))


def closed_form(a, time, horizon):
    """The truncated sums in exact rational arithmetic: by a, and by the input."""
    a = Fraction(a)
    h = [(1 - a**t) / (1 - a) for t in range(time)]
    by_a = [a ** (time - t) * h[t - 1] for t in range(1, time + 1)]
    by_input = [a ** (time - t) for t in range(1, time + 1)]
    return [1 - sum(terms[-horizon:]) / sum(terms) for terms in (by_a, by_input)]


@pytest.mark.parametrize("a", [-0.8, 0.05, 0.5, 0.9, 0.999, 1.001, 1.1])
@pytest.mark.parametrize("horizon", [1, 2, 7, 30, 40, 60])
def test_truncated_gradients_against_exact_sums(a, horizon):
    by_a, by_input = closed_form(a, 40, min(horizon, 40))
    assert linear.truncation_bias(a, 40, horizon) == pytest.approx(float(by_a), rel=1e-14, abs=0)
    # 1 - a^T cancels where a is near 1: T |a - 1| of its digits are left.
    rounding = 1e-14 if abs(a - 1) > 0.01 else 1e-13
    assert linear.input_truncation_bias(a, 40, horizon) == pytest.approx(float(by_input), rel=rounding, abs=0)


@given(a=st.floats(-1.2, 1.2), time=st.integers(2, 40))
def test_the_scalar_gradient_against_the_recursion(a, time):
    h = slope = 0.0
    for _ in range(time):
        h, slope = a * h + 1.0, a * slope + h
    assert linear.scalar_gradient(a, time) == pytest.approx(slope, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("a", "time"), [(0.5, 60), (-0.7, 9), (1.5, 12)])
def test_the_scalar_gradient_is_the_derivative_of_a_geometric_sum(a, time):
    fraction = (1 - time * a ** (time - 1) + (time - 1) * a**time) / (1 - a) ** 2
    assert linear.scalar_gradient(a, time) == pytest.approx(fraction, rel=1e-14)


def test_limits_of_truncation_bias():
    for bias in (linear.truncation_bias, linear.input_truncation_bias):
        assert bias(0.9, 2000, 12) == pytest.approx(0.9**12, rel=1e-13)
    assert linear.truncation_bias(1.0, 40, 10) == pytest.approx(30 * 29 / (40 * 39), rel=1e-15)
    assert linear.input_truncation_bias(1.0, 40, 10) == 0.75
    # dh_n/da is n - 1 - 1 / (a - 1) times a^(n-1) / (a - 1) for a > 1: all of it but O(1 / T) counts steps.
    assert linear.truncation_bias(2.0, 400, 100) == pytest.approx(298 / 398, rel=1e-12)
    assert linear.input_truncation_bias(2.0, 400, 100) == pytest.approx(1.0, rel=1e-12)


def test_no_bias_when_the_horizon_covers_the_sequence():
    assert linear.truncation_bias(0.9, 30, 30) == linear.input_truncation_bias(0.9, 30, 31) == 0.0
