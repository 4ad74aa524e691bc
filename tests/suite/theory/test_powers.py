"""Powers of matrices against their closed forms, and against Gelfand's limit."""

import math

import numpy as np
import pytest
from gradsuite.theory import powers
from hypothesis import given
from hypothesis import strategies as st

EPS = 2.0**-52


@given(angle=st.floats(-3.0, 3.0), scale=st.floats(0.5, 1.5))
def test_a_rotation_scales_by_its_radius(angle, scale):
    turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    np.testing.assert_allclose(powers.norms(turn, 40), scale ** np.arange(41.0), rtol=100 * EPS)


@given(eigenvalue=st.floats(0.5, 1.5), coupling=st.floats(-2.0, 2.0))
def test_jordan_blocks_have_a_closed_form(eigenvalue, coupling):
    block = np.array([[eigenvalue, coupling], [0.0, eigenvalue]])
    found = powers.jordan_norms(eigenvalue, coupling, 40)
    # Nothing cancels in the block's powers up to a sign: 40 products of a few eps each, and the decomposition.
    np.testing.assert_allclose(found, powers.norms(block, 40), rtol=200 * EPS)


def test_a_jordan_block_grows_to_its_peak_although_its_radius_is_below_one():
    found = powers.jordan_norms(0.98, 1.0, 1000)
    # k a^(k-1) peaks at k = -1 / ln a = 49.5.
    assert found.argmax() == pytest.approx(49.5, abs=1.0)
    assert found.max() == pytest.approx(-1.0 / math.log(0.98) / math.e / 0.98, rel=1e-3)
    assert found[-1] < 1e-4


@pytest.mark.parametrize("k", [1, 10, 1000])
def test_what_is_left_of_the_start_is_within_its_bounds(k):
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((8, 8))
    weight /= max(abs(np.linalg.eigvals(weight)))
    assert 0.0 <= np.log(powers.norms(weight, k)[k]) / k <= powers.excess(weight, k)
    left = np.log(powers.jordan_norms(0.9, 2.0, k)[k]) / k - np.log(0.9)
    assert 0.0 < left <= powers.jordan_excess(0.9, 2.0, k)


def test_a_normal_matrix_leaves_nothing():
    assert powers.excess(np.array([[0.0, -1.0], [1.0, 0.0]]), 1) == pytest.approx(0.0, abs=4 * EPS)


def test_rounding_grows_by_the_root_of_the_width_each_step_where_w_is_normal():
    found = powers.rounding(0.9 ** np.arange(11.0), 64, EPS)
    np.testing.assert_allclose(found, 8.0 * EPS * np.arange(1.0, 12.0), rtol=1e-12)


def test_rounding_bounds_what_is_lost_in_single_precision():
    axes = np.linalg.qr(np.random.default_rng(0).standard_normal((8, 8)))[0]
    weight = (axes @ np.kron(np.eye(4), [[0.9, 2.0], [0.0, 0.9]]) @ axes.T).astype(np.float32)
    exact, power, errors = powers.norms(weight.astype(np.float64), 60), np.eye(8, dtype=np.float32), []
    for norm in exact:
        errors.append(abs(float(np.linalg.norm(power, 2)) / norm - 1.0))
        power = power @ weight
    assert all(errors <= powers.rounding(exact, 8, 2.0**-23))
    assert max(errors) > 2.0**-23  # something was lost at all
