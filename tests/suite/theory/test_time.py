"""Driven RNNs and latches against published values and iteration."""

import math

import pytest
from gradsuite.errors import UserError
from gradsuite.theory import driven_rnn, latch
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("gain", "expected"), [(0.5, -1.7627), (1.0, -0.5449), (1.25, -0.2395), (1.5, -0.0335), (2.0, 0.2408)]
)
def test_rates_of_the_driven_rnn(gain, expected):
    assert driven_rnn.rate(gain, 0.25) == pytest.approx(expected, abs=6e-5)
    assert driven_rnn.lyapunov_exponent(gain, 0.25) == pytest.approx(expected / 2, abs=3e-5)


@pytest.mark.parametrize(("noise", "gain"), [(0.0, 1.0), (0.05, 1.32701), (0.25, 1.54967)])
def test_noise_moves_the_critical_gain(noise, gain):
    assert driven_rnn.critical_gain(noise) == pytest.approx(gain, abs=6e-6)
    assert driven_rnn.rate(driven_rnn.critical_gain(noise), noise) == pytest.approx(0.0, abs=1e-7)


def test_the_undriven_rate_at_one_and_a_half():
    # 0.065 is the exponent of the norm: half of ln chi_1.
    assert driven_rnn.lyapunov_exponent(1.5, 0.0) == pytest.approx(0.065, abs=6e-4)


@pytest.mark.parametrize("gain", [0.5, 1.0, 2.0])
def test_a_network_without_noise_stays_at_zero_where_it_is_linear(gain):
    assert driven_rnn.rate_from_zero(gain, 0.0) == pytest.approx(math.log(gain**2), abs=1e-15)
    assert driven_rnn.rate_from_zero(gain, 0.25) == driven_rnn.rate(gain, 0.25)
    if gain <= 1.0:  # there the mean field's fixed point is zero too
        assert driven_rnn.rate_from_zero(gain, 0.0) == pytest.approx(driven_rnn.rate(gain, 0.0), abs=1e-9)


def test_a_silent_network_has_no_gradient():
    assert driven_rnn.rate(0.0, 0.25) == -math.inf


@pytest.mark.parametrize(("gain", "noise"), [(0.5, 0.25), (1.0, 0.25), (1.3, 0.5)])
def test_truncation_bias_falls_like_the_state_gradient(gain, noise):
    bias = driven_rnn.truncation_bias(gain, noise, 200)
    one, other = bias[3], bias[13]
    assert math.log(other / one) / 10 == pytest.approx(driven_rnn.rate(gain, noise) / 2, abs=1e-6)
    assert bias[0] == 1.0
    assert bias[200] == 0.0


def test_truncation_bias_at_and_above_criticality():
    critical = driven_rnn.critical_gain(0.25)
    # Up to the first steps, in which the variance is still on its way to q*.
    assert driven_rnn.truncation_bias(critical, 0.25, 4000)[1000] == pytest.approx(math.sqrt(0.75), abs=2e-3)
    kept = math.exp(-driven_rnn.rate(2.0, 0.25) * 80)
    assert driven_rnn.truncation_bias(2.0, 0.25, 100)[20] == pytest.approx(1.0, abs=kept)


@pytest.mark.parametrize(("weight", "state", "slope"), [(1.25, 0.71041178, 0.61914387), (2.0, 0.95750402, 0.16637209)])
def test_golden_latches(weight, state, slope):
    assert latch.fixed_point(weight) == pytest.approx(state, abs=6e-9)
    assert latch.slope(weight) == pytest.approx(slope, abs=6e-9)


@given(weight=st.floats(1.0, 300.0))
def test_a_latch_is_a_fixed_point_that_attracts(weight):
    h = latch.fixed_point(weight)
    assert math.tanh(weight * h) == pytest.approx(h, rel=1e-12)
    assert 0.0 <= latch.slope(weight) <= 1.0


@pytest.mark.parametrize("weight", [0.3, 1.0, -0.9])
def test_weak_units_store_nothing(weight):
    assert latch.fixed_point(weight) == 0.0
    assert latch.slope(weight) == weight


def test_sigmoid_bound():
    assert latch.sigmoid_bound(-4.0) == 1.0


@pytest.mark.parametrize("weight", [-1.0, math.inf, math.nan])
def test_latches_that_are_not_stable(weight):
    with pytest.raises(UserError, match="weight must be"):
        latch.fixed_point(weight)


def test_layer_normalisation_forgets_the_gain_without_noise():
    assert math.exp(driven_rnn.normalised_rate(0.1, 0.0)) == pytest.approx(1.1778, abs=5e-5)
    assert driven_rnn.normalised_rate(0.1, 0.0) == pytest.approx(driven_rnn.normalised_rate(30.0, 0.0))
    critical = driven_rnn.normalised_critical_gain(0.25)
    assert critical == pytest.approx(3.7767 * 0.5, abs=1e-4)
    assert driven_rnn.normalised_rate(critical, 0.25) == pytest.approx(0.0, abs=1e-12)
