"""Time to a target: paired ratios, what is not reached, and one training that reaches its target."""

import math
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from gradsuite.plugins import load
from gradsuite.report import style
from gradsuite.rows import Measurement
from gradsuite_experiments.time_to_target import metrics
from gradsuite_experiments.time_to_target.experiment import TimeToTarget
from gradsuite_experiments.time_to_target.findings import outcomes, sentences
from gradsuite_experiments.time_to_target.score import MOST, score, scores
from gradsuite_experiments.time_to_target.workloads import WORKLOADS
from gradsuite_numpy.backend import NumpyBackend

from tests.experiments.laboratory import measured

EXPERIMENT = TimeToTarget(load())


def planted(seconds, **changes):
    """Return the rows of a training that took these seconds, by round; none of one that did not reach its target."""

    def measure(backend: Any, device: str, settings: Any) -> Iterator[list[Measurement]]:
        reached = bool(seconds)
        yield [
            Measurement(metrics.FIRST, 9.0 if reached else math.inf, "s"),
            Measurement(metrics.STEPS, 100.0 if reached else math.inf, "steps"),
            Measurement(metrics.EXAMPLES, 3200.0 if reached else math.inf),
            Measurement(metrics.REACHED, 0.96 if reached else 0.5),
        ]
        yield [Measurement(metrics.SECONDS, one, "s", index=k) for k, one in enumerate(seconds)]

    with patch.object(EXPERIMENT, "measure", measure):
        return measured(EXPERIMENT, preset="standard", target=["digits"], **changes)


def two(first, second):
    import pandas as pd

    slower = planted(second)
    return pd.concat([planted(first), slower.assign(backend="torch", key="torch-" + slower["key"])])


def test_ratios_are_paired_by_round():
    # The machine was half as fast in the second round: each ratio is 2 all the same.
    table = outcomes(two([1.0, 2.0, 1.0], [2.0, 4.0, 2.0])).set_index("backend")
    ratio = table.loc["torch", "ratio"]
    assert (ratio.median, ratio.low, ratio.high) == (2.0, 2.0, 2.0)
    assert table.loc["numpy", "ratio"].median == 1.0


def test_who_does_not_reach_a_target_has_no_time():
    rows = two([1.0, 1.0, 1.0], [])
    table = outcomes(rows).set_index("backend")
    assert table.loc["torch", "ratio"] is None
    sentence, scored = sentences(rows)
    assert sentence == "Digits to 95%: numpy takes 1 s for 100 steps."
    assert scored.startswith(
        "Scored as AlgoPerf does, 1 for the fastest at every target: 1.00 (numpy) and 0.00 (torch)"
    )
    (printed,) = EXPERIMENT.tables(rows, [])
    assert printed.rows["seconds"].tolist() == ["1", "not reached"]
    assert next(sentences(planted([]))) == "No backend reaches digits to 95%."


def test_one_round_that_misses_the_target_is_no_time_at_all():
    table = outcomes(two([1.0, 1.0, 1.0], [0.5, math.inf, 0.5])).set_index("backend")
    assert table.loc["torch", "ratio"] is None
    assert table.loc["numpy", "ratio"].median == 1.0


def test_a_score_is_the_integral_of_the_performance_profile():
    ratios = np.array([1.0, 1.7, 3.2, 4.0, 9.0, math.inf])
    taus = np.linspace(1.0, MOST, 300_001)
    profile = (ratios[:, np.newaxis] <= taus).mean(axis=0)
    np.testing.assert_allclose(score(ratios), profile[:-1].mean(), atol=1e-5)  # taus lie 1e-5 apart
    assert (score(np.array([1.0, 1.0])), score(np.array([math.inf]))) == (1.0, 0.0)


def test_scores_are_of_all_targets_and_with_compilation_of_first_trainings():
    rows = two([1.0, 2.0, 1.0], [2.0, 4.0, 2.0])
    rows.loc[(rows["backend"] == "torch") & (rows["metric"] == metrics.FIRST), "value"] = 31.5  # 3.5 times numpy's
    assert scores(outcomes(rows)) == {"numpy": (1.0, 1.0), "torch": (pytest.approx(2 / 3), pytest.approx(1 / 6))}
    assert list(sentences(planted([1.0]))) == ["Digits to 95%: numpy takes 1 s for 100 steps."]


def test_disturbed_trainings_are_counted():
    rows = planted([1.0, 1.0, 1.0])
    rows.loc[(rows["metric"] == metrics.SECONDS) & (rows["index"] == 1), "note"] = "other processes kept 1.0 cores busy"
    said = "1 of 3 trainings were disturbed, mostly because other processes kept 1.0 cores busy."
    assert list(sentences(rows))[-1] == said


def test_a_round_that_does_not_reach_the_target_is_measured_as_infinite():
    (settings,) = EXPERIMENT.trials(EXPERIMENT.grid("quick", {"rounds": [2]}))
    found = iter(["solved", "done", "solved"])
    recipe = WORKLOADS["digits"].recipe(0)

    def train(*_: Any) -> Any:
        curve = SimpleNamespace(end=next(found), looks=[SimpleNamespace(score=0.96)])
        return SimpleNamespace(seconds=2.0, steps=90, recipe=recipe, curve=curve)

    with patch("gradsuite_experiments.time_to_target.experiment.train", train):
        _, missed, reached = EXPERIMENT.measure(NumpyBackend(), "cpu", settings)
    assert [row.value for row in (*missed, *reached)] == [math.inf, 2.0]


def test_the_figure_has_a_place_for_every_target():
    rows = two([1.0, 1.1, 1.0], [2.0, 2.1, 2.0])
    with style.context():
        (figure,) = EXPERIMENT.figures(rows, [])
    times, profile = figure.figure.axes[:2]
    assert [label.get_text() for label in times.get_yticklabels()] == ["digits to 95%"]
    assert len(profile.lines) == 2


@pytest.mark.parametrize("target", list(WORKLOADS))
def test_a_workload_is_a_recipe_with_a_goal(target):
    workload = WORKLOADS[target]
    recipe = workload.recipe(3)
    assert recipe.goal == workload.goal
    assert recipe.seed == 3
    assert recipe.steps % recipe.evaluate_every in range(recipe.evaluate_every)


def test_digits_are_learnt_to_their_target_in_every_round_alike():
    rows = measured(EXPERIMENT, target=["digits"], rounds=[1])
    steps = rows[rows["metric"] == metrics.STEPS]["value"].item()
    assert 0 < steps < WORKLOADS["digits"].steps
    assert rows[rows["metric"] == metrics.REACHED]["note"].item() == "solved"
    assert len(rows[rows["metric"] == metrics.SECONDS]) == 1
