"""Comparing stored runs: what differs is found, what does not is not, and what cannot be compared says why."""

from dataclasses import replace

import numpy as np
import pytest
from gradsuite.errors import UserError
from gradsuite.experiment import Result
from gradsuite.plugins import Plugins
from gradsuite.runs.compare import compare

from tests.comparable import MACHINE, claim, plugins, scaled, stored, timed, trial


@pytest.fixture
def base():
    return timed(np.random.default_rng(0))


def compared(tmp_path, base, new, threshold=0.0, **meta):
    return compare(stored(tmp_path / "a", base), stored(tmp_path / "b", new, **meta), plugins(), threshold=threshold)


def test_a_run_against_itself_shows_nothing(tmp_path, base):
    run = stored(tmp_path / "a", base)
    found = compare(run, run, plugins(), threshold=0.05)
    assert len(found.ratios.workloads) == 12
    assert all(one.ratio == 1.0 for one in found.ratios.workloads)
    assert not found.ratios.different
    assert not found.ratios.exceeding
    changes = found.changes
    assert [*changes.claims, *changes.digits, *changes.quantities, *changes.statuses] == []
    assert not found.obstacles
    assert not found.remarks


def test_a_copy_slowed_by_a_tenth_in_one_workload_shows_exactly_that_one(tmp_path, base):
    found = compared(tmp_path, base, scaled(base, ("torch", 32), "call", 1.1))
    (one,) = found.ratios.different
    assert found.label(one.what) == "stopwatch call torch size=32"
    assert one.verdict == "slower"
    assert one.ratio == pytest.approx(1.1)
    assert one.low < 1.1 < one.high


def test_what_became_faster_is_not_too_slow(tmp_path, base):
    found = compared(tmp_path, base, scaled(base, ("torch", 32), "call", 0.8), threshold=0.05)
    assert [one.verdict for one in found.ratios.different] == ["faster"]
    assert not found.ratios.exceeding


@pytest.mark.parametrize(("factor", "too_slow"), [(1.06, False), (1.2, True)])
def test_too_slow_is_what_has_its_interval_above_the_threshold(tmp_path, base, factor, too_slow):
    found = compared(tmp_path, base, scaled(base, ("jax", 64), "call", factor), threshold=0.05)
    assert bool(found.ratios.exceeding) == too_slow
    assert all(one.low > 1.05 for one in found.ratios.exceeding)


def test_digits_horizons_verdicts_and_statuses_that_changed(tmp_path, base):
    new = scaled(scaled(base, ("numpy", 16), "error", 100.0), ("jax", 32), "horizon", 0.9)
    new = [(one, Result("error", reason="gone") if one == trial("jax", 128) else result) for one, result in new]
    before, after = stored(tmp_path / "a", base), stored(tmp_path / "b", new)
    before.keep_claims("stopwatch", [claim("numpy", 0.5), claim("jax", 0.5)])
    after.keep_claims("stopwatch", [claim("numpy", 1.5), claim("jax", 0.6)])
    found = compare(before, after, plugins()).changes
    (digits,), (horizon,), (verdict,), (status,) = found.digits, found.quantities, found.claims, found.statuses
    assert (digits.backend, digits.unit) == ("numpy", "digits")
    assert digits.values == pytest.approx((-np.log10(1.6e-14), -np.log10(1.6e-12)))
    assert (horizon.backend, horizon.unit, horizon.rows) == ("jax", "steps", 1)
    assert horizon.values == pytest.approx((42.0, 37.8))
    assert (verdict.backend, verdict.verdicts, verdict.measured) == ("numpy", ("holds", "fails"), (0.5, 1.5))
    assert (status.backend, status.statuses, status.reason) == ("jax", ("ok", "error"), "gone")
    assert (found.claims_compared, found.digits_compared, found.quantities_compared) == (2, 11, 11)


def test_changes_within_what_is_none_are_none(tmp_path, base):
    new = scaled(scaled(base, ("numpy", 16), "error", 9.0), ("jax", 32), "horizon", 0.96)
    found = compared(tmp_path, base, new).changes
    assert [*found.digits, *found.quantities] == []


def test_an_error_that_is_no_number_has_no_digits(tmp_path, base):
    (one,) = compared(tmp_path, base, scaled(base, ("numpy", 16), "error", np.nan)).changes.digits
    assert one.values[1] == 0.0


@pytest.mark.parametrize(
    ("meta", "reason"),
    [
        ({"machine": {**MACHINE, "cpu": "another"}}, "the processor is another: a processor, then another"),
        ({"machine": {**MACHINE, "threads": 1}}, "the number of threads per worker is another: 2, then 1"),
        ({"gradsuite": "0.2.0"}, "gradsuite itself has another version, and may measure otherwise: 0.1.0, then 0.2.0"),
    ],
)
def test_timings_of_another_machine_or_version_are_not_compared_and_it_says_why(tmp_path, base, meta, reason):
    found = compared(tmp_path, base, scaled(base, ("torch", 32), "call", 3.0), **meta)
    assert not found.ratios.workloads
    assert found.obstacles == {reason: 12}
    assert found.changes.digits_compared == 12


def test_tuned_otherwise_or_other_data_are_no_comparison(tmp_path, base):
    found = compared(tmp_path, base, base, tuned={"jax": {"FAST": "1"}})
    assert found.obstacles == {"jax was tuned otherwise: nothing, then FAST=1": 4}
    assert len(found.ratios.workloads) == 8


def test_other_versions_of_a_backend_are_said_and_compared_all_the_same(tmp_path, base):
    before = stored(tmp_path / "a", base, backends={"jax": {"versions": {"jax": "1"}, "libraries": ["XLA 1"]}})
    after = stored(tmp_path / "b", base, backends={"jax": {"versions": {"jax": "2"}, "libraries": ["XLA 2"]}})
    found = compare(before, after, plugins())
    assert found.remarks == ("jax has other versions: jax 1, then 2; no longer XLA 1; now XLA 2",)
    assert len(found.ratios.workloads) == 12


def test_trials_without_a_counterpart_are_counted(tmp_path):
    rng = np.random.default_rng(0)
    found = compared(tmp_path, timed(rng, backends=("numpy", "torch")), timed(rng, backends=("numpy",), sizes=(16, 32)))
    assert found.obstacles == {
        "new has no trial of stopwatch on numpy with the same settings": 2,
        "new has no trial of stopwatch on torch": 4,
    }


def test_what_was_disturbed_in_one_run_alone_is_not_compared(tmp_path, base):
    def disturb(result):
        return Result("ok", tuple(replace(row, note="others computed") for row in result.measurements))

    new = [(one, disturb(result) if one == trial("jax", 16) else result) for one, result in base]
    found = compared(tmp_path, base, new)
    assert found.obstacles == {"most samples were disturbed in new and few in the other": 1}
    assert len(found.ratios.workloads) == 11


def test_nothing_to_compare_is_an_error(tmp_path, base):
    with pytest.raises(UserError, match=r"nothing of .*a' and .*b' can be compared: new has no trial of stopwatch"):
        compared(tmp_path, base, [])


def test_an_experiment_that_is_not_installed_says_so(tmp_path, base):
    run = stored(tmp_path / "a", base)
    run.keep_claims("stopwatch", [claim("numpy", 0.5)])
    found = compare(run, run, Plugins())
    assert not found.ratios.workloads
    ((reason, count),) = found.obstacles.items()
    assert reason.startswith("stopwatch cannot be loaded here: unknown experiment 'stopwatch'")
    assert count == 12


def test_machines_of_one_kind_are_two_where_something_tells_them_apart(tmp_path, base):
    before = stored(tmp_path / "a", base, machine={**MACHINE, "mark": "one"})
    after = stored(tmp_path / "b", base, machine={**MACHINE, "mark": "two"})
    found = compare(before, after, plugins())
    assert not found.ratios.workloads
    assert list(found.obstacles) == [
        "the machine is another of its kind (gradsuite bench --against measures both on one)"
    ]


def test_a_run_that_was_merged_is_refused(tmp_path, base):
    merged = stored(tmp_path / "merged", base, machines={"one": MACHINE, "two": MACHINE})
    with pytest.raises(UserError, match=r"merged' was merged of several machines' runs: compare those"):
        compare(merged, merged, plugins())
