"""Learning curves of adding and copy: what is claimed, and networks that really learn."""

import math
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

import pytest
from gradsuite.plugins import load
from gradsuite.report import style
from gradsuite.rows import Measurement
from gradsuite_experiments.common.learning import LOSS, of_curve
from gradsuite_experiments.learning import laws
from gradsuite_experiments.learning.experiment import Adding, CopyMemory

from tests.experiments.laboratory import measured, verdicts
from tests.experiments.planted import NEVER, curve

ADDING, COPY = Adding(load()), CopyMemory(load())
SEEN = {"rnn": 0.17, "identity-relu": 0.17, "orthogonal": 0.165, "lstm": 0.0093, "gru": 0.008}
REMEMBERED = {"rnn": 0.6953, "identity-relu": 0.72, "orthogonal": 0.69, "lstm": 0.679, "gru": 0.678}
BASELINE = 10 * math.log(8) / 30


def planted(experiment, scores, best=MappingProxyType({}), **changes):
    """Return the rows of an experiment whose networks have these scores on the test, and `best` in between."""

    def measure(backend: Any, device: str, settings: Any) -> Iterator[list[Measurement]]:
        score = scores[settings["network"]]
        after = 500 if experiment is ADDING and score < laws.LEARNT else NEVER
        rows = [m for seed in range(settings["seeds"]) for m in of_curve(curve(after, settings["updates"]), seed)]
        seeds, least = range(settings["seeds"]), best.get(settings["network"], score)
        rows += [Measurement(laws.BEST, least, member=seed) for seed in seeds]
        yield [*rows, *(Measurement(laws.TEST, score, member=seed) for seed in seeds)]

    with patch.object(experiment, "measure", measure):
        return measured(experiment, preset="full", **changes)


def failing(experiment, scores, **changes):
    claims = verdicts(experiment, planted(experiment, scores, **changes)).values()
    return sorted(claim.name for claim in claims if claim.verdict == "fails")


def test_what_was_seen_is_what_is_claimed():
    for experiment, scores in ((ADDING, SEEN), (COPY, REMEMBERED)):
        claims = verdicts(experiment, planted(experiment, scores))
        assert {claim.verdict for claim in claims.values()} == {"holds"}
    assert sorted(claims) == ["copy/remembered/gru", "copy/remembered/lstm"]


@pytest.mark.parametrize(
    ("experiment", "change", "claim"),
    [
        (ADDING, {"lstm": 0.0101}, "adding/learnt/lstm"),
        (ADDING, {"gru": math.nan}, "adding/learnt/gru"),
        (ADDING, {"rnn": 0.09}, "adding/unlearnt/rnn"),
        (COPY, {"lstm": BASELINE + 1e-6}, "copy/remembered/lstm"),
        (COPY, {"gru": 0.7}, "copy/remembered/gru"),
    ],
)
def test_another_result_turns_its_claim_red(experiment, change, claim):
    scores = SEEN if experiment is ADDING else REMEMBERED
    assert failing(experiment, {**scores, **change}) == [claim]


def test_a_network_that_knew_the_sum_in_between_has_learnt_it():
    claims = verdicts(ADDING, planted(ADDING, SEEN, best={"rnn": 0.09}))
    assert claims["adding/unlearnt/rnn"].verdict == "fails"


def test_a_claim_notices_an_error_of_its_resolution():
    claims = verdicts(ADDING, planted(ADDING, SEEN))
    learnt, unlearnt = (claims[name].resolution.size for name in ("adding/learnt/gru", "adding/unlearnt/rnn"))
    assert failing(ADDING, {**SEEN, "gru": 0.008 * (1 + 1.01 * learnt)}) == ["adding/learnt/gru"]
    assert failing(ADDING, {**SEEN, "rnn": 0.17 * (1 - 1.01 * unlearnt)}) == ["adding/unlearnt/rnn"]
    assert failing(ADDING, {**SEEN, "gru": 0.008 * (1 + 0.99 * learnt), "rnn": 0.17 * (1 - 0.99 * unlearnt)}) == []


def test_other_protocols_claim_nothing():
    for changes in ({"length": [50]}, {"hidden_size": [16]}, {"batch_size": [16]}, {"updates": [100]}):
        assert verdicts(ADDING, planted(ADDING, SEEN, **changes)) == {}
        assert verdicts(COPY, planted(COPY, REMEMBERED, **changes)) == {}


def test_networks_really_learn_and_the_page_says_what_they_did():
    rows = measured(ADDING, network=["gru"], updates=[120], hidden_size=[8])
    losses = rows[rows["metric"] == LOSS].sort_values("index")["value"].to_numpy()
    assert losses[-1] < 0.5 * losses[0]
    claims = list(verdicts(ADDING, rows).values())
    assert claims == []
    with style.context():
        (figure,) = ADDING.figures(rows, claims)
    assert figure.figure.get_suptitle() == "Learning adding over 21 steps"
    (finding,) = ADDING.findings(rows, claims)
    assert finding.startswith("On adding over 21 steps, mean squared error after 120 updates is 0.")
    assert finding.endswith("; of simple answers, 0.167 (best constant) and 0.0833 (one number known).")
    (table,) = ADDING.tables(rows, claims)
    assert table.rows["network"].tolist() == ["GRU", "best constant", "one number known"]


def test_the_figure_and_the_finding_of_a_whole_run():
    rows = planted(ADDING, SEEN)
    claims = list(verdicts(ADDING, rows).values())
    with style.context():
        (figure,) = ADDING.figures(rows, claims)
    assert (
        figure.figure.get_suptitle().replace("\n", " ")
        == "Gated networks learn adding over 100 steps: 3 of 3 claims hold"
    )
    solved, rest = ADDING.findings(rows, claims)
    assert solved == "Adding over 100 steps is solved by LSTM after 500 and GRU after 500 updates (medians)."
    assert rest.startswith(
        "On adding over 100 steps, mean squared error after 2000 updates is 0.17 (plain tanh), 0.17 (identity ReLU) "
    )


def test_copy_is_remembered_rather_than_solved_and_its_axis_has_numbers():
    rows = planted(COPY, REMEMBERED)
    claims = list(verdicts(COPY, rows).values())
    with style.context():
        (figure,) = COPY.figures(rows, claims)
    title = figure.figure.get_suptitle().replace("\n", " ")
    assert title == "Gated networks remember something in copy over 30 steps: 2 of 2 claims hold"
    (axes,) = figure.figure.axes
    assert axes.get_yscale() == "linear"
    assert all(text.get_position()[0] > 1.0 for text in axes.texts)  # beside the axes: no word lies on a point
