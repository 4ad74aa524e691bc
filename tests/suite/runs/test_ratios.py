"""Ratios and noise: against closed forms where there are any, against simulation where there are none."""

import math

import numpy as np
import pytest
from gradsuite.runs.noise import ASSUMED, Contrast, Noise, assumed_noise, call_noise, measured_noise
from gradsuite.runs.ratios import Difference, between, corrected, holm, judged, ratios, twins, within
from gradsuite.runs.workloads import Sampled, Workload, centre
from scipy import stats
from statsmodels.stats.multitest import multipletests

ROUNDS = 7


def workload(size, backend="numpy"):
    return Workload("stopwatch", backend, "cpu", f'{{"size": {size}}}', "call")


def sampled(logs, disturbed=None):
    marks = np.zeros(len(logs), dtype=bool) if disturbed is None else np.array(disturbed)
    return Sampled(np.arange(len(logs)), np.asarray(logs), marks)


def difference(rng, *, spread=0.01, process=0.005, by=0.0):
    one, other = (centre(process * rng.standard_normal() + spread * rng.standard_normal(ROUNDS)) for _ in range(2))
    return Difference(other.value - one.value + by, (one.error, other.error), (ROUNDS, ROUNDS))


def test_the_standard_error_is_that_of_a_median():
    rng = np.random.default_rng(0)
    centres = [centre(rng.standard_normal(25)) for _ in range(2000)]
    values, errors = np.array([(one.value, one.error) for one in centres]).T
    # 2000 draws know a standard deviation to 1.6%; half the interval of 68.27% is one where the median is Gaussian, as
    # it nearly is for 25 samples.
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.08)


def test_noise_beyond_rounds_is_found_whatever_half_of_the_workloads_does():
    rng = np.random.default_rng(1)
    deviation, error = 0.03, 0.01
    drawn = math.hypot(deviation, error) * rng.standard_normal(4000)
    noise = measured_noise([Contrast(value, error) for value in drawn])
    # The deviation of the estimate: 1.17 / sqrt(n) relative for the median of |z| (efficiency .37): 5% is 2.7 of them.
    assert noise.measured == pytest.approx(deviation, rel=0.05)
    spoiled = np.where(np.arange(4000) % 3 == 0, 10.0, drawn)
    assert measured_noise([Contrast(value, error) for value in spoiled]).measured < 2 * deviation


def test_no_noise_is_found_where_rounds_explain_it_all_or_contrasts_are_few():
    assert measured_noise([Contrast(0.001, 0.01)] * 8).measured == 0.0
    few = measured_noise([Contrast(1.0, 0.01)] * 3)
    assert (few.measured, few.count) == (0.0, 0)


def test_what_is_assumed_is_more_where_layouts_are_not_fixed_and_calls_are_short():
    assert assumed_noise("fixed", "fixed") == ASSUMED < assumed_noise("fixed", "random")
    assert call_noise(0.2e-3) == pytest.approx(0.05)  # docs/measuring-speed.md: 5% at 0.2 ms
    short = sampled(np.full(7, math.log(0.2e-3)))
    (one,) = between({workload(1): short}, {workload(1): short}).values()
    assert one.error == pytest.approx(0.05)


def test_an_interval_with_noise_that_is_known_is_gaussian():
    one = judged(workload(1), Difference(math.log(1.1), (0.0,), (7,)), Noise(0.0, 0, 0.02), threshold=0.05)
    reach = 1.959964 * 0.02
    assert (one.low, one.high) == pytest.approx((1.1 * math.exp(-reach), 1.1 * math.exp(reach)), rel=1e-6)
    assert one.p == pytest.approx(2 * stats.norm.sf(math.log(1.1) / 0.02))
    assert one.p_slower == pytest.approx(stats.norm.sf(math.log(1.1 / 1.05) / 0.02))


def test_an_interval_from_rounds_alone_is_students():
    one = judged(workload(1), Difference(0.0, (0.03,), (7,)), Noise(0.0, 0, 0.0), threshold=0.0)
    assert math.log(one.high) == pytest.approx(stats.t.ppf(0.975, 6) * 0.03)


def test_p_values_are_holms():
    p = list(np.random.default_rng(0).uniform(size=20) ** 4)
    assert corrected(p) == pytest.approx(multipletests(p, method="holm")[1])
    raw = [judged("", Difference(value, (0.0,), (7,)), Noise(0.0, 0, 1.0), 0.0) for value in (3.0, 1.0, 2.0)]
    assert [one.p for one in holm(raw)] == pytest.approx(corrected([one.p for one in raw]))


@pytest.mark.parametrize("count", [3, 8])
def test_equal_code_seldom_differs_and_a_tenth_is_found(count):
    rng = np.random.default_rng(2)
    repeats, alarms, found = 60, 0, 0
    for _ in range(repeats):
        equal = ratios({workload(k): difference(rng) for k in range(count)})
        alarms += bool(equal.different) or any(one.verdict != "no difference" for one in equal.means)
        slowed = ratios({workload(k): difference(rng, by=math.log(1.1) * (k == 0)) for k in range(count)})
        found += [one.what for one in slowed.different] == [workload(0)]
    # At most 5% of comparisons may raise an alarm: of 60, 3, and 2.3 deviations more (sqrt(60 .05 .95) = 1.7).
    assert alarms <= 7
    assert found >= 0.8 * repeats


def test_a_geometric_mean_does_not_hide_noise_that_all_workloads_share():
    shared = {workload(k): Difference(0.015, (0.001,), (7,)) for k in range(50)}
    (mean,) = ratios(shared).means
    assert mean.ratio == pytest.approx(math.exp(0.015))
    assert mean.verdict == "no difference"
    (mean,) = ratios({what: Difference(0.1, (0.001,), (7,)) for what in shared}).means
    assert mean.verdict == "slower"


def test_pairs_are_of_one_round_and_leave_disturbed_ones_out():
    drift = np.linspace(0.0, 1.0, 8)
    base, new = sampled(drift), sampled(drift + 0.1, [True] + 7 * [False])
    new.logs[0] = 9.0
    (one,) = within({workload(1): base, workload(1, "numpy@new"): new}, "numpy", "numpy@new").values()
    assert one.value == pytest.approx(0.1)
    assert one.error == pytest.approx(call_noise(1.0), abs=1e-4)
    assert one.counts == (7,)


def test_twins_tell_of_the_noise():
    run = {workload(1): sampled(np.zeros(7)), workload(1, "numpy@2"): sampled(np.full(7, 0.02))}
    (one,) = twins(run)
    assert one.difference == pytest.approx(0.02)
    assert twins({workload(1): sampled(np.zeros(7))}) == []
