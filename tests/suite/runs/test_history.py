"""Histories of stored runs: steps that were planted are found, with the first run after each, and no others."""

import numpy as np
import pytest
from gradsuite.errors import UserError
from gradsuite.report.past import shown
from gradsuite.runs.history import history

from tests.comparable import MACHINE, plugins, stored, timed


def runs(folder, factors, **meta):
    """Store one run per factor, by which torch's size 32 is slower; the names do not tell their order."""
    rng = np.random.default_rng(0)
    return [
        stored(folder / f"run-{9 - k}", timed(rng, slower={("torch", 32): factor}), started=f"2026-01-0{k + 1}", **meta)
        for k, factor in enumerate(factors)
    ]


def test_a_step_is_found_with_the_first_run_after_it(tmp_path):
    found = history(list(reversed(runs(tmp_path, [1.0] * 4 + [1.15] * 4))), plugins())
    assert [path[-1] for path in found.runs] == ["9", "8", "7", "6", "5", "4", "3", "2"]
    stepped = [one for one in found.series if one.steps]
    assert [found.label(one.what) for one in stepped] == ["stopwatch call torch size=32"]
    (step,) = stepped[0].steps
    assert step.first.endswith("run-5")
    assert step.ratio == pytest.approx(1.15, rel=0.03)


def test_up_and_down_again_are_two_steps(tmp_path):
    found = history(runs(tmp_path, [1.0] * 3 + [1.3] * 3 + [1.0] * 3), plugins())
    (one,) = [one for one in found.series if one.steps]
    assert [step.first[-1] for step in one.steps] == ["6", "3"]
    assert [step.ratio for step in one.steps] == pytest.approx([1.3, 1 / 1.3], rel=0.03)


def test_equal_runs_have_no_step(tmp_path):
    assert not any(one.steps for one in history(runs(tmp_path, [1.0] * 8), plugins()).series)


def test_runs_of_another_machine_are_left_out_and_said_to_be(tmp_path):
    others = stored(tmp_path / "other", timed(np.random.default_rng(1)), machine={**MACHINE, "cores": 4})
    found = history([others, *runs(tmp_path, [1.0] * 3)], plugins())
    assert len(found.runs) == 3
    assert list(found.left_out.values()) == ["the number of cores is another: 4, then 2"]
    assert "number of cores" in shown(found, "table")


def test_two_runs_are_no_history(tmp_path):
    with pytest.raises(UserError, match="a history takes at least 3 runs that can be compared, not 2"):
        history(runs(tmp_path, [1.0] * 2), plugins())


def test_the_table_shows_the_series_with_a_bar_at_the_step(tmp_path):
    found = history(runs(tmp_path, [1.0] * 4 + [1.15] * 4), plugins())
    (line,) = [line for line in shown(found, "table").splitlines() if " | " in line]
    assert line.split()[:4] == ["stopwatch", "call", "torch", "size=32"]
    assert line.index(" | ") > line.index("3")
    assert len(shown(found, "table", everything=True).splitlines()) > len(shown(found, "table").splitlines()) + 9
