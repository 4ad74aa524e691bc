"""The comparator is scale-free, and says what it cannot compare."""

import numpy as np
import pytest
from gradsuite.comparator import compare
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

NUMBERS = st.floats(-1, 1, allow_subnormal=False)
# Powers of two scale exactly, until an element becomes subnormal: elements here are 0 or at least 2^-30.
COARSE = st.integers(-(2**30), 2**30).map(lambda i: i * 2.0**-30)


def test_error_is_norm_of_difference_over_norm_of_reference():
    value, reference = np.array([3.0, 4.5]), np.array([3.0, 4.0])
    assert compare(value, reference).error == 0.5 / 5.0


@given(arrays(float, array_shapes(min_dims=0, max_dims=3), elements=COARSE), st.integers(-990, 990), st.data())
def test_scale_changes_nothing(reference, exponent, data):
    value = data.draw(arrays(float, reference.shape, elements=COARSE))
    scaled = compare(np.ldexp(value, exponent), np.ldexp(reference, exponent))
    assert scaled.error == compare(value, reference).error


@given(arrays(float, array_shapes(min_dims=0, max_dims=3), elements=st.floats(allow_nan=True, allow_infinity=True)))
def test_an_array_is_itself(a):
    assert compare(a, a).error == 0.0


@pytest.mark.parametrize("scale", [1e-320, 1e-300, 1e-200, 1e-30, 1.0, 1e30, 1e200, 1e308])
def test_one_per_cent_is_one_per_cent_at_any_scale(scale):
    reference = np.array([scale, -scale, scale / 2])
    # The largest relative rounding is that of 1e-320: a subnormal of about 11 bits, so 2^-11.
    assert compare(reference * 1.01, reference).error == pytest.approx(0.01, abs=2**-11 if scale < 1e-307 else 1e-15)


def test_opposite_signs_near_the_largest_number_do_not_overflow():
    largest = np.full(3, np.finfo(float).max)
    assert compare(-largest, largest).error == 2.0


def test_errors_far_apart_in_scale_are_still_numbers():
    assert compare(np.array([1.0]), np.array([1e-200])).error == pytest.approx(1e200)
    assert compare(np.array([1e200]), np.array([1e-200])).error == np.inf


@pytest.mark.parametrize(
    ("value", "reference"),
    [(np.nan, 1.0), (1.0, np.nan), (np.inf, 1.0), (np.inf, -np.inf), (np.nan, np.inf), (1e-9, 5e-5), (0.0, 1e-300)],
)
def test_what_loose_comparators_call_equal_is_not(value, reference):
    assert not compare(np.array([0.0, value]), np.array([0.0, reference])).within(0.5)


def test_non_finite_values_in_the_same_places_are_equal_and_the_rest_is_compared():
    reference = np.array([np.nan, np.inf, -np.inf, 2.0])
    assert compare(np.array([np.nan, np.inf, -np.inf, 3.0]), reference).error == 0.5


def test_says_where_a_value_is_not_finite():
    value, reference = np.ones((2, 3)), np.ones((2, 3))
    value[1, 2] = np.nan
    assert compare(value, reference).note == "nan at [1, 2], where the reference has 1"
    assert compare(reference, value).note == "1 at [1, 2], where the reference has nan"


def test_a_zero_reference_wants_zero_or_less_than_the_stated_bound():
    zeros = np.zeros(3)
    assert compare(zeros, zeros).error == 0.0
    assert compare(np.full(3, 1e-300), zeros).error == np.inf
    assert compare(np.full(3, 1e-300), zeros).note == "norm 1.7e-300, where the reference is 0"
    assert compare(np.full(3, 1e-300), zeros, absolute=2e-300).error == 0.0


def test_shape_and_dtype_are_held():
    assert compare(np.ones((2, 1)), np.ones(2)).note == "shape (2, 1), not (2,)"
    assert compare(np.ones(2, np.float32), np.ones(2), dtype=np.dtype(np.float64)).note == "dtype float32, not float64"
    assert compare(np.ones(2, np.float32), np.ones(2), dtype=np.dtype(np.float32)).error == 0.0


def test_compares_in_at_least_float64():
    value, reference = np.array([1.0 + 1e-12]), np.array([1.0], np.float32)
    assert compare(value, reference).error == pytest.approx(1e-12, rel=1e-3)


@given(arrays(float, 4, elements=NUMBERS), arrays(float, 4, elements=NUMBERS))
def test_agrees_with_the_plain_formula_where_that_is_safe(value, reference):
    value, reference = value + 2, reference + 2  # norms between 2 and 6
    expected = np.linalg.norm(value - reference) / np.linalg.norm(reference)
    # Both round each of about ten operations; the difference's own rounding is common to both.
    assert compare(value, reference).error == pytest.approx(expected, rel=1e-14, abs=1e-300)


@pytest.mark.parametrize(("error", "bound", "verdict"), [(0.0, 0.0, True), (1e-3, 1e-3, True), (2e-3, 1e-3, False)])
def test_verdict(error, bound, verdict):
    assert compare(np.array([1 + error]), np.array([1.0])).within(bound * (1 + 1e-12)) is verdict


def test_no_bound_admits_what_cannot_be_compared():
    assert not compare(np.array([np.nan]), np.array([1.0])).within(np.inf)


def test_empty_arrays_are_equal():
    assert compare(np.zeros((0, 3)), np.zeros((0, 3))).error == 0.0
