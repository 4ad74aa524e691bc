"""Time to a target: paired ratios, what is not reached, and one training that reaches its target."""

import math
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from gradsuite.plugins import load
from gradsuite.report import style
from gradsuite.rows import Measurement
from gradsuite_experiments.time_to_target import metrics
from gradsuite_experiments.time_to_target.experiment import TimeToTarget
from gradsuite_experiments.time_to_target.findings import outcomes, sentences
from gradsuite_experiments.time_to_target.workloads import WORKLOADS

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
    (sentence,) = sentences(rows)
    assert sentence == "Digits to 95% takes numpy 1 s of 100 steps."
    (printed,) = EXPERIMENT.tables(rows, [])
    assert printed.rows["seconds"].tolist() == ["1", "not reached"]
    assert next(sentences(planted([]))) == "No backend reaches digits to 95%."


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
