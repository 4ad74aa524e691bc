"""What clipping leaves of a gradient, against clipping vectors of known angles."""

import math

import numpy as np
import pytest
from gradsuite.theory import clipping

EPS = 2.0**-52


def test_the_norm_rule_by_hand():
    assert clipping.norm(10.0, 5.0) == (pytest.approx(5.0 * 10.0 / (10.0 + 1e-6), rel=4 * EPS), 1.0)
    assert clipping.norm(3.0, 5.0) == (3.0, 1.0)
    assert clipping.norm_shortfall(1e-3) == pytest.approx(1e-3, rel=2e-3)


def test_the_value_rule_by_hand():
    # (3, 4) limited to 3 is (3, 3), at 45 degrees.
    length, cosine = clipping.value(np.array([3.0, -4.0]), 3.0)
    assert length == pytest.approx(3.0 * math.sqrt(2.0), rel=4 * EPS)
    assert cosine == pytest.approx(7.0 / 5.0 / math.sqrt(2.0), rel=4 * EPS)
    assert clipping.value(np.array([3.0, -4.0]), 4.0) == (pytest.approx(5.0), pytest.approx(1.0))


def test_value_clipping_ends_at_the_signs():
    g = np.random.default_rng(0).standard_normal(10**6)
    # Elements beyond the limit all count alike; those of a Gaussian end at sqrt(2 / pi), to 3 / sqrt(n).
    assert clipping.value(g, 1e-12)[1] == pytest.approx(clipping.saturated_cosine(g), rel=1e-9)
    assert clipping.saturated_cosine(g) == pytest.approx(math.sqrt(2.0 / math.pi), abs=3e-3)


def test_the_unit_rule_by_hand():
    # Units of norms 2 and 0, of which the second counts for 1e-3: (3, 4) is left as (0.2, 1e-4).
    length, cosine = clipping.unit(np.array([2.0, 0.0]), np.array([3.0, 4.0]), 0.1)
    assert length == pytest.approx(math.hypot(0.2, 1e-4), rel=4 * EPS)
    assert cosine == pytest.approx((3.0 * 0.2 + 4.0 * 1e-4) / 5.0 / length, rel=4 * EPS)
    np.testing.assert_allclose(clipping.unit_ratios(np.array([2.0, 0.0]), np.array([3.0, 4.0])), [1.5, 4000.0])


def test_a_gradient_of_zeros_has_no_length_and_no_direction():
    zeros = np.zeros(3)
    assert clipping.value(zeros, 1.0) == pytest.approx((0.0, np.nan), nan_ok=True)
    assert clipping.unit(np.ones(3), zeros, 1.0) == pytest.approx((0.0, np.nan), nan_ok=True)
    assert np.isnan(clipping.saturated_cosine(zeros))


def test_a_limit_whose_square_is_beyond_all_numbers_is_one_all_the_same():
    assert clipping.value(np.array([3.0, -4.0]), 1e300) == pytest.approx((5.0, 1.0), rel=1e-15)
