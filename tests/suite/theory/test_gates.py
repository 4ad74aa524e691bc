"""Laws of gated cells against published values, Monte Carlo and brute force."""

import math

import numpy as np
import pytest
from gradsuite.errors import UserError
from gradsuite.theory import gates


@pytest.mark.parametrize(
    ("bias", "factor", "half_life"),
    [(0, 0.5, 1.0), (1, 0.731059, 2.213), (2, 0.880797, 5.461), (3, 0.952574, 14.266)],
)
def test_forget_bias(bias, factor, half_life):
    assert gates.keep(bias) == pytest.approx(factor, abs=6e-7)
    assert gates.half_life(bias) == pytest.approx(half_life, abs=6e-4)
    assert gates.keep(bias) ** gates.half_life(bias) == pytest.approx(0.5)


@pytest.mark.parametrize(("steps", "expected"), [(10, 0.73259), (100, 0.14965)])
def test_chrono_integral(steps, expected):
    assert gates.chrono_keep(steps, 100) == pytest.approx(expected, abs=6e-6)


def test_chrono_integral_in_closed_form():
    # k = 1: the integral of 1 - 1 / (1 + u) is (T - 2) - ln(T / 2).
    assert gates.chrono_keep(1, 50.0) == pytest.approx(1.0 - math.log(25.0) / 48.0, rel=1e-12)
    assert gates.chrono_keep(0, 50.0) == pytest.approx(1.0)


@pytest.mark.parametrize("longest", [2.0, math.inf, math.nan])
def test_chrono_needs_a_longest_dependency(longest):
    with pytest.raises(UserError, match="T_max"):
        gates.chrono_keep(10, longest)


def test_critical_gains():
    assert gates.lstm_critical_gain(0.0) == pytest.approx(2.0)
    assert gates.lstm_critical_gain(1.0) == pytest.approx(1.07577, abs=6e-6)
    assert gates.gru_critical_gain() == pytest.approx(2.0)


@pytest.mark.parametrize("bias", [-1.0, 0.0, 2.5])
def test_at_the_critical_gain_the_largest_eigenvalue_is_one(bias):
    gain = gates.lstm_critical_gain(bias, 0.3, -0.2)
    assert gates.keep(bias) + gates.lstm_pull(0.3, -0.2) * gain == pytest.approx(1.0)
    gain = gates.gru_critical_gain(0.7)
    assert gates.keep(bias) + gates.gru_pull(bias, 0.7) * gain == pytest.approx(1.0)


def test_jacobian_eigenvalues_are_shifted_and_scaled():
    weight = np.diag([1.0, -2.0])
    assert sorted(gates.jacobian_eigenvalues(0.5, 0.25, weight)) == pytest.approx([0.0, 0.75])
