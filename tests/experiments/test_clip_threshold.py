"""Clipping thresholds: what is claimed, their unit, and networks that really learn."""

import numpy as np
import pytest
from gradsuite.optimizers import SGD
from gradsuite.plugins import load
from gradsuite.report import style
from gradsuite_experiments.clip_threshold.experiment import NORM_EVERY, ClipThreshold
from gradsuite_experiments.clip_threshold.laws import MEAN_NORM
from gradsuite_experiments.common.frames import values
from gradsuite_experiments.common.learning import SOLVED
from gradsuite_experiments.pascanu.networks import STARTS, draw
from gradsuite_numpy.backend import NumpyBackend

from tests.experiments.laboratory import measured, verdicts
from tests.experiments.planted import NEVER, planted

EXPERIMENT = ClipThreshold(load())
WORKING = ("0.5", "1", "2", "5", "10")


def results(solved=lambda threshold: 5, **settings):
    """Return rows in which so many of the networks have solved the task, by threshold."""
    return planted(EXPERIMENT, lambda at, seed: 600 if seed < solved(at["threshold"]) else NEVER, **settings)


def failing(rows):
    return [claim.name for claim in verdicts(EXPERIMENT, rows).values() if claim.verdict == "fails"]


def test_thresholds_that_the_paper_advises_are_claimed_and_no_others():
    claims = verdicts(EXPERIMENT, results(lambda threshold: 4 if 0.5 <= threshold <= 10 else 0))
    assert {claim.verdict for claim in claims.values()} == {"holds"}
    assert sorted(claims) == sorted(f"clip-threshold/solved/{threshold}" for threshold in WORKING)


@pytest.mark.parametrize("wrong", [0.5, 2.0, 10.0])
def test_a_threshold_that_does_not_work_turns_its_claim_red(wrong):
    name = f"clip-threshold/solved/{wrong:g}"
    assert failing(results(lambda threshold: 3 if threshold == wrong else 5)) == [name]
    change = round(5 * verdicts(EXPERIMENT, results())[name].resolution.size)
    assert failing(results(lambda threshold: 5 - change if threshold == wrong else 5)) == [name]
    assert failing(results(lambda threshold: 6 - change if threshold == wrong else 5)) == []


def test_fewer_updates_and_other_networks_claim_nothing():
    for changes in ({"updates": [9999]}, {"hidden_size": [20]}, {"length": [50]}):
        assert verdicts(EXPERIMENT, results(**changes)) == {}


def mean_norm(every):
    """Return the mean norm of every so-many-th gradient of 40 updates clipped at 1, step by step."""
    task = load().task("temporal-order")
    model = task.model("rnn", 50)
    network = NumpyBackend().build(model, draw(model, STARTS["basic"], 0), dtype="float32")
    norms = []
    for step in range(40):
        batch = task.training_batch(0, step, model, size=20, length=10)
        gradients = network.backward(network.forward(network.put(batch)))
        norms.append(np.sqrt(sum(np.square(g).sum() for g in gradients.parameters.values())))
        network.update(gradients, SGD(lr=0.01, clip_norm=1.0))
    return np.mean(norms[every - 1 :: every])


def test_the_unit_is_the_mean_norm_of_gradients_of_a_training_that_is_clipped_at_1():
    rows = measured(EXPERIMENT, threshold=[0.5, 2.0], length=[10], updates=[40])
    units = rows[rows["metric"] == MEAN_NORM]["value"].tolist()
    assert units == pytest.approx([mean_norm(NORM_EVERY)] * 2, rel=1e-3)


def test_a_network_learns():
    rows = measured(EXPERIMENT, threshold=[2.0], length=[10], updates=[1000])
    assert values(rows, SOLVED, "member").tolist() == [1.0]


def test_the_figure_the_table_and_the_finding_say_what_was_measured():
    rows = results(lambda threshold: 5 if threshold <= 10 else 1)
    claims = list(verdicts(EXPERIMENT, rows).values())
    with style.context():
        (figure,) = EXPERIMENT.figures(rows, claims)
    assert figure.figure.get_suptitle().replace("\n", " ").endswith("5 of 5 claims hold")
    assert all(axes.collections for axes in figure.figure.axes)
    (table,) = EXPERIMENT.tables(rows, claims)
    assert table.rows["numpy"].tolist() == ["5 of 5 (600)"] * 6 + ["1 of 5"]
    (finding,) = EXPERIMENT.findings(rows, claims)
    assert finding.startswith("Clipped at 0.1 to 10 times the gradient's mean norm")
