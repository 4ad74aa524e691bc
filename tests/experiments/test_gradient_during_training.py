"""Horizons over a training: when learning starts, when the horizon opens, and what the page says of both."""

import math

import numpy as np
import pandas as pd
import pytest
from gradsuite.plugins import load
from gradsuite.report import style
from gradsuite_experiments.common.learning import LOSS, SCORE
from gradsuite_experiments.gradient_during_training.experiment import HORIZON, GradientDuringTraining
from gradsuite_experiments.gradient_during_training.findings import first, found, headline, sentences

from tests.experiments.laboratory import measured

EXPERIMENT = GradientDuringTraining(load())
UPDATES = [100, 200, 300, 400]


def looks(losses, horizons, network="gru"):
    """Return rows of one training of 50 steps, as they are measured."""
    columns = {"status": "ok", "backend": "numpy", "key": network, "network": network, "length": 50, "seed": 0}
    return pd.DataFrame(
        [
            {**columns, "metric": metric, "index": update, "value": value}
            for metric, numbers in ((LOSS, losses), (HORIZON, horizons), (SCORE, [0.25, 0.3, 0.9, 1.0]))
            for update, value in zip(UPDATES, numbers, strict=True)
        ]
    )


def test_a_network_starts_to_learn_when_its_loss_is_for_good_below_a_guess():
    (opening,) = found(looks([1.39, 1.2, 1.3, 0.2], [5.0, 30.0, 20.0, 40.0]))
    assert (opening.starts, opening.opens) == (400, 400)  # 1.3 and 20 steps come after a better look
    assert (opening.before, opening.after, opening.score) == (5.0, 40.0, 1.0)


def test_what_never_happens_is_infinite():
    (opening,) = found(looks([1.39, 1.38, 1.39, 1.38], [5.0, 6.0, 5.0, math.nan]))
    assert (opening.starts, opening.opens) == (math.inf, math.inf)
    assert first(np.array(UPDATES), np.array([True, False, False, True])) == 400


def test_sentences_say_which_came_first():
    learnt = next(sentences(looks([1.39, 1.2, 0.8, 0.2], [5.0, 30.0, 35.0, 40.0])))
    assert learnt == (
        "GRU starts to learn after 200 updates (medians); its gradient reaches half a sequence back after 200, and "
        "goes from 5 steps back to 40."
    )
    not_learnt = next(sentences(looks([1.39, 1.38, 1.39, 1.38], [5.0, 6.0, 5.0, 6.0], network="rnn")))
    assert not_learnt == "Plain tanh does not start to learn; its gradient reaches 5 steps back at first, 6 at last."


def test_the_title_counts_what_came_first_and_what_came_in_vain():
    learnt = looks([1.39, 1.2, 0.8, 0.2], [5.0, 30.0, 35.0, 40.0])
    late = looks([1.39, 1.2, 0.8, 0.2], [5.0, 6.0, 7.0, 40.0], network="lstm")
    vain = looks([1.39, 1.38, 1.39, 1.38], [5.0, 30.0, 35.0, 40.0], network="rnn")
    assert headline(pd.concat([learnt, late])) == "In 1 of 2 trainings that learn, the horizon opened before"
    assert headline(pd.concat([learnt, vain])).endswith("the horizon opened before; it opened in vain in 1 of 1 others")
    assert headline(vain) == "No training starts to learn"


@pytest.mark.parametrize("network", ["rnn", "lstm"])
def test_a_training_has_a_look_for_every_point_of_its_figure(network):
    rows = measured(EXPERIMENT, network=[network], updates=[20])
    horizons = rows[rows["metric"] == HORIZON]
    assert len(horizons) == 20
    assert (horizons["value"] > 0).all()
    assert (horizons["value"] <= 19).all()
    with style.context():
        (figure,) = EXPERIMENT.figures(rows, [])
    assert all(axes.lines for axes in figure.figure.axes)
    (table,) = EXPERIMENT.tables(rows, [])
    assert table.rows["starts to learn"].tolist() == ["never"]
