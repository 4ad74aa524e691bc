"""Norms, rates, horizons and verdicts against closed forms."""

import math

import numpy as np
import pytest
from gradsuite.theory.horizon import horizon
from gradsuite_experiments.common.seeds import batch_rng
from gradsuite_experiments.gradient_flow.laws import (
    HORIZON,
    NORM_HIGH,
    NORM_LOW,
    NORM_MEAN,
    NORM_MEDIAN,
    RATE,
    VERDICT,
    trend,
)
from gradsuite_experiments.gradient_flow.norms import DISTANCES, backpropagate, measurements, norm
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays


@given(arrays(np.float64, (3, 4), elements=st.floats(-1e100, 1e100)))
def test_norm_is_the_euclidean_norm(gradients):
    # hypot is exact to an ulp or so; four squares, three sums, a root and a product are each within half of one.
    for found, row in zip(norm(gradients), gradients, strict=True):
        assert found == pytest.approx(math.hypot(*row), rel=8 * 2**-53, abs=0)


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200, 1e300])
def test_norm_where_squares_would_leave_the_range(scale):
    assert norm(np.array([3.0, 4.0]) * scale) == pytest.approx(5 * scale, rel=1e-15)


def test_norm_of_what_is_not_finite():
    rows = np.array([[0.0, 0.0], [1.0, np.inf], [np.inf, -np.inf], [1.0, np.nan]])
    np.testing.assert_array_equal(norm(rows), [0.0, np.inf, np.inf, np.nan])


def test_norm_of_float16_is_accumulated_in_float64():
    # 300^2 overflows float16, and so would the sum.
    assert norm(np.full(4, 300, np.float16)) == 600.0


@given(st.floats(0.3, 3.0), st.integers(3, 80), st.floats(1e-9, 1e9))
def test_trend_of_a_geometric_sequence_is_its_ratio(ratio, length, start):
    found = trend(start * ratio ** np.arange(length))
    assert found.rate == pytest.approx(math.log(ratio), abs=1e-12)
    change = (length - 1) * math.log10(ratio)
    if abs(abs(change) - 1) > 1e-9:
        assert found.verdict == (0 if abs(change) < 1 else math.copysign(1, change))
    if ratio < 0.999:
        assert found.horizon == pytest.approx(math.log(1000) / -math.log(ratio), rel=1e-9)


def test_the_first_steps_are_no_part_of_the_rate():
    norms = 0.9 ** np.arange(40.0)
    norms[:5] *= [300, 1, 1e-8, 7, 1e4]
    assert trend(norms).rate == pytest.approx(math.log(0.9), abs=1e-13)
    norms[5] *= 2
    assert trend(norms).rate != pytest.approx(math.log(0.9), abs=1e-3)


def test_what_has_underflowed_or_overflowed_is_left_out_of_the_rate():
    norms = 0.5 ** np.arange(40.0)
    norms[30:] = 0.0
    assert trend(norms).rate == pytest.approx(math.log(0.5), abs=1e-12)
    norms = 2.0 ** np.arange(40.0)
    norms[30:] = np.inf
    assert trend(norms).rate == pytest.approx(math.log(2), abs=1e-12)


@pytest.mark.parametrize(
    ("rest", "rate", "verdict", "word"),
    [
        (0.0, -np.inf, -1.0, "vanishing"),
        (np.inf, np.inf, 1.0, "exploding"),
        (np.nan, np.nan, np.nan, "undefined"),
    ],
)
def test_a_trend_of_nothing_that_can_be_fitted(rest, rate, verdict, word):
    found = trend(np.array([1.0] + [rest] * 9))
    np.testing.assert_array_equal([found.rate, found.verdict], [rate, verdict])
    assert found.word == word
    assert found.horizon == (1.0 if rest == 0 else np.inf)


@pytest.mark.parametrize("rest", [[], [0.5]])
def test_a_trend_over_one_or_two_distances(rest):
    found = trend(np.array([1.0, *rest]))
    assert found.verdict == 0 if rest else np.isnan(found.rate)


def test_the_horizon_is_measured_where_it_can_be_and_extrapolated_beyond():
    # Down by a factor of 100 at once, then by 10 every 10 steps: 1/1000 after 1 + 10 steps.
    norms = np.concatenate([[1.0], 0.01 * 10 ** (-np.arange(30.0) / 10)])
    assert horizon(norms, -math.log(10) / 10) == pytest.approx(11)
    assert horizon(norms[:6], -math.log(10) / 10) == pytest.approx(11)
    assert horizon(norms[:6], 0.0) == np.inf


def test_what_is_measured_is_the_mean_and_real_samples_as_quantiles():
    rng = np.random.default_rng(0)
    norms = rng.lognormal(size=(100, 21)) * 0.9 ** np.arange(100)[:, None]
    rows = list(measurements(norms, "step", layer=1))
    by_metric = {}
    for row in rows:
        assert row.layer == 1
        by_metric.setdefault(row.metric, {})[row.index] = row
    stored = list(by_metric[NORM_MEAN])
    assert len(stored) == DISTANCES
    assert (stored[0], stored[-1]) == (0, 99)
    for k in stored:
        assert by_metric[NORM_MEAN][k].value == pytest.approx(norms[k].mean())
        # Of 21 samples, the least with at least 10, 50 and 90 % of them no larger: the 3rd, the 11th and the 19th.
        in_order = np.sort(norms[k])
        for name, place in ((NORM_LOW, 3), (NORM_MEDIAN, 11), (NORM_HIGH, 19)):
            assert by_metric[name][k].value == in_order[place - 1]
    rate, distance, verdict = (by_metric[metric][None] for metric in (RATE, HORIZON, VERDICT))
    assert rate.value == trend(norms.mean(axis=1)).rate
    assert (rate.unit, distance.unit, verdict.unit) == ("1/step", "steps", "")
    assert (verdict.value, verdict.note) == (-1.0, "vanishing")


def test_batches_and_parameters_are_drawn_from_different_numbers():
    assert batch_rng(3).standard_normal() != np.random.default_rng(3).standard_normal()
    assert batch_rng(3).standard_normal() == batch_rng(3).standard_normal()


def test_the_gradient_of_a_sequence_does_not_depend_on_the_batch_it_is_in():
    from gradsuite.backend import Batch
    from gradsuite.parameters import initialise
    from gradsuite.plugins import load

    from tests.stored import backend

    task = load().task("adding")
    model = task.model("gru", 5)
    batch = task.batch(batch_rng(0), model, size=6, length=9)
    parameters = initialise(model)
    whole = backpropagate(backend(), model, parameters, batch, device="cpu", dtype="float64")
    for k in range(6):
        alone = Batch(batch.inputs[:, k : k + 1], batch.targets[k : k + 1])
        one = backpropagate(backend(), model, parameters, alone, device="cpu", dtype="float64")
        np.testing.assert_allclose(one[..., 0, :], whole[..., k, :], rtol=1e-11, atol=1e-18)
