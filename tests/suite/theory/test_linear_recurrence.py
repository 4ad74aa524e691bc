"""Linear recurrences: closed forms against sums, means over eigenvalues that were drawn, and integrals of gates."""

import math

import numpy as np
import pytest
from gradsuite.errors import UserError
from gradsuite.theory import gates
from gradsuite.theory import linear_recurrence as theory
from scipy.special import expit

COUNT = 200_000
R_MIN, R_MAX = 0.4, 0.9


def drawn():
    """Return |lambda|^2 on the ring."""
    return np.random.default_rng(0).uniform(R_MIN**2, R_MAX**2, COUNT)


def test_the_ring_means_what_its_eigenvalues_do():
    squares = drawn()
    growth = 1.0 / (1.0 - squares)
    error = 4.0 * math.sqrt(theory.ring_growth_variance(R_MIN, R_MAX) / COUNT)
    assert growth.mean() == pytest.approx(theory.ring_growth(R_MIN, R_MAX), abs=error)
    assert growth.var() == pytest.approx(theory.ring_growth_variance(R_MIN, R_MAX), rel=0.02)
    for steps in (1, 5):
        assert (squares**steps).mean() == pytest.approx(float(theory.ring_power(steps, R_MIN, R_MAX)), rel=0.02)


def test_the_disk_forgets_like_a_power_of_the_lag():
    np.testing.assert_allclose(theory.ring_power(np.arange(9)), 1.0 / np.arange(1, 10))
    assert theory.ring_growth(0.0, 1.0) == theory.ring_growth_variance(0.0, 1.0) == math.inf


@pytest.mark.parametrize("modulus", [0.2, 0.9, 0.99])
def test_energy_and_sensitivity_are_their_sums(modulus):
    k = np.arange(40.0)
    assert theory.energy(modulus, 40) == pytest.approx((modulus ** (2 * k)).sum(), rel=1e-12)
    summed = (k**2 * modulus ** (2 * (k - 1))).sum()
    assert theory.sensitivity(modulus) * (1 - theory.sensitivity_left_out(modulus, 40)) == pytest.approx(
        summed, rel=1e-9
    )


def test_sensitivity_at_nine_tenths_is_the_number_of_the_paper():
    assert theory.sensitivity(0.9) == pytest.approx(263.89, abs=0.005)


@pytest.mark.parametrize("radii", [(0.5, 0.5), (-0.1, 0.5), (0.0, 1.1)])
def test_what_is_no_ring_is_refused(radii):
    with pytest.raises(UserError, match="radii must be"):
        theory.ring_growth(*radii)


@pytest.mark.parametrize("minlstm", [False, True])
def test_moments_of_gates_are_those_of_samples(minlstm):
    z = 0.7 * np.random.default_rng(1).standard_normal((2, COUNT))
    kept, moments = expit(2.0 + z[0]), gates.gate_moments(2.0, 0.7)
    if minlstm:
        kept, moments = kept / (kept + expit(z[1])), gates.coupled_moments(2.0, 0.0, 0.7)
    logs = np.log(kept)
    found = ((kept**2).mean(), (kept**4).mean(), logs.mean(), logs.var())
    # Four standard errors of 200,000 samples whose deviations are about as large as their means, or less.
    np.testing.assert_allclose(moments, found, rtol=4.0 * 1.5 / COUNT**0.5)
