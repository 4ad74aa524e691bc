"""Intervals against the law of the median."""

import numpy as np
import pytest
from gradsuite.measuring.intervals import Interval, median_interval, ratio_interval

# A ratio of times is log-normal at best; a neighbour makes some of them far off. The median of each is 1.
NOISE = {
    "log-normal": lambda rng, size: np.exp(0.02 * rng.standard_normal(size)),
    "far off, a tenth of them": lambda rng, size: np.exp(
        0.01 * rng.standard_normal(size) + (rng.random(size) < 0.1) * rng.laplace(scale=0.3, size=size)
    ),
}


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
@pytest.mark.parametrize("rounds", [6, 7, 12, 25])
def test_the_interval_of_a_median_covers_it_as_often_as_it_says(rounds, noise):
    # A share of 2000 trials has standard deviation sqrt(.95 .05 / 2000) = .0049; the interpolation is good to .005.
    # The percentile bootstrap covers 88% with 7 samples, and fails here.
    trials = noise(np.random.default_rng(0), (2000, rounds))
    covered = np.mean([median_interval(samples).covers(1.0) for samples in trials])
    assert covered == pytest.approx(0.95, abs=3 * 0.0049 + 0.005)


def test_ends_are_order_statistics_where_these_enclose_just_as_much():
    samples = np.arange(1.0, 8.0)
    # P(2 <= Binomial(7, 1/2) <= 5) = 1 - 2 (1 + 7) / 128
    found = median_interval(samples[::-1], confidence=1 - 16 / 128)
    assert (found.low, found.median, found.high) == pytest.approx((2.0, 4.0, 6.0))


@pytest.mark.parametrize("size", range(1, 6))
def test_few_samples_have_their_whole_range(size):
    samples = np.arange(size) + 1.0
    found = median_interval(samples)
    assert (found.low, found.median, found.high) == (1.0, (size + 1) / 2, size)


def test_paired_ratios_cancel_what_slows_a_whole_round():
    rng = np.random.default_rng(1)
    drift = np.exp(rng.standard_normal(30))  # rounds differ by factors of e
    found = ratio_interval(2.0 * drift, 1.0 * drift)
    assert (found.median, found.low, found.high) == pytest.approx((2.0, 2.0, 2.0))


def test_no_samples_have_no_median():
    found = median_interval([])
    assert np.isnan([found.median, found.low, found.high]).all()


def test_half_the_width_is_the_mean_reach_to_either_side():
    assert Interval(1.0, 0.9, 1.3).half_width == pytest.approx(0.2)
