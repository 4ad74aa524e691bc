"""Forget biases and learning: what is claimed, and networks that really learn."""

import pytest
from gradsuite.plugins import load
from gradsuite.report import style
from gradsuite_experiments.common.learning import SOLVED
from gradsuite_experiments.time_scale import laws
from gradsuite_experiments.time_scale.experiment import TimeScale

from tests.experiments.laboratory import measured, verdicts
from tests.experiments.planted import NEVER, planted

EXPERIMENT = TimeScale(load())
SEEN = {"0": [NEVER] * 3, "1": [NEVER] * 3, "3": [1500, 500, 500], "5": [1250, 1250, 1500], "chrono": [250] * 3}


def results(changes=None, **settings):
    """Return rows in which each network has solved the task after so many updates."""
    seen = {**SEEN, **(changes or {})}
    return planted(EXPERIMENT, lambda at, seed: seen[at["bias"]][seed], **settings)


def failing(rows):
    return [claim.name for claim in verdicts(EXPERIMENT, rows).values() if claim.verdict == "fails"]


def test_what_was_seen_is_what_is_claimed():
    claims = verdicts(EXPERIMENT, results())
    assert {claim.verdict for claim in claims.values()} == {"holds"}
    assert sorted(claims) == [
        "time-scale/first/3",
        "time-scale/first/5",
        "time-scale/never/0/2000",
        "time-scale/never/1/2000",
        "time-scale/soon/chrono",
    ]


@pytest.mark.parametrize(
    ("changes", "claims"),
    [
        ({"0": [NEVER, NEVER, 2000]}, ["time-scale/never/0/2000"]),
        ({"1": [NEVER, 1000, NEVER]}, ["time-scale/never/1/2000"]),
        ({"chrono": [250, 250, 800]}, ["time-scale/soon/chrono"]),
        ({"chrono": [250, 250, NEVER]}, ["time-scale/soon/chrono"]),
        ({"chrono": [550, 550, 550]}, ["time-scale/first/3"]),
        ({"3": [200, 200, 200]}, ["time-scale/first/3"]),
        ({"5": [200, 200, 2000]}, ["time-scale/first/5"]),
        ({"chrono": [NEVER] * 3}, ["time-scale/first/3", "time-scale/first/5", "time-scale/soon/chrono"]),
        ({"3": [NEVER] * 3}, []),
    ],
)
def test_another_result_turns_its_claim_red(changes, claims):
    assert sorted(failing(results(changes))) == claims


@pytest.mark.parametrize("name", ["time-scale/soon/chrono", "time-scale/first/3", "time-scale/first/5"])
def test_every_claim_about_chrono_notices_as_many_updates_as_it_says_and_not_one_look_less(name):
    slow = laws.SEEN * (1 + verdicts(EXPERIMENT, results())[name].resolution.size)
    assert name in failing(results({"chrono": [slow] * 3}))
    assert name not in failing(results({"chrono": [slow - laws.EVALUATE_EVERY] * 3}))


def test_other_lengths_and_networks_claim_nothing():
    for changes in ({"length": [50]}, {"hidden_size": [16]}, {"batch_size": [16]}):
        assert verdicts(EXPERIMENT, results(**changes)) == {}


def test_what_gates_keep_is_the_product_of_forget_gates():
    assert laws.kept("0", 100) == pytest.approx(0.5**100)
    assert laws.kept("chrono", 100) == pytest.approx(0.14965, abs=1e-5)  # LAWS: Tallec & Ollivier's integral


def test_chrono_learns_a_short_dependency():
    rows = measured(EXPERIMENT, bias=["chrono"], length=[10], updates=[300])
    assert rows[rows["metric"] == SOLVED]["value"].tolist() == [1.0]


def test_the_figure_the_table_and_the_finding_say_what_was_measured():
    rows = results()
    claims = list(verdicts(EXPERIMENT, rows).values())
    with style.context():
        (figure,) = EXPERIMENT.figures(rows, claims)
    assert figure.figure.get_suptitle().replace("\n", " ").endswith("5 of 5 claims hold")
    assert all(axes.collections for axes in figure.figure.axes)
    (table,) = EXPERIMENT.tables(rows, claims)
    assert table.rows["numpy"].tolist() == ["not within 2000", "not within 2000", "500", "1250", "250"]
    (finding,) = EXPERIMENT.findings(rows, claims)
    assert finding.startswith("With chrono, which keeps 0.15 of a gradient over 100 steps at first")
    assert "soonest: after 250 updates (median); b = 0 and b = 1 learnt none within 2000" in finding


def test_what_is_not_learnt_is_claimed_of_as_many_updates_as_were_taken():
    claims = verdicts(EXPERIMENT, results(updates=[750]))
    assert claims["time-scale/never/1/750"].sentence.endswith("not learnt within 750 updates.")
    assert "time-scale/never/1/750" in failing(results({"1": [700, NEVER, NEVER]}, updates=[750]))
