"""Remedies: each claim holds, and fails with a fault; training and figures."""

import numpy as np
import pandas as pd
import pytest
from gradsuite.plugins import load
from gradsuite.report import style
from gradsuite_experiments.remedies.answers import helping, reached
from gradsuite_experiments.remedies.cost import cost
from gradsuite_experiments.remedies.experiment import Remedies
from gradsuite_experiments.remedies.laws import HORIZON, SECONDS, SECONDS_PLAIN, reach
from gradsuite_experiments.remedies.networks import REMEDIES

from tests.experiments.laboratory import (
    RIGHT,
    Fault,
    blind,
    layer_gradients,
    measured,
    not_biting,
    state_gradients,
    verdicts,
    weights,
)


def forgetting(shift):
    """Add to the bias of the LSTM's forget gate: the second block of rows."""

    def shifted(parameters):
        if "weight_hh_l0" not in parameters or "bias_ih_l0" not in parameters:
            return parameters
        H = parameters["weight_hh_l0"].shape[-1]
        bias = parameters["bias_ih_l0"].copy()
        if len(bias) == 4 * H:
            bias[H : 2 * H] += shift
        return {**parameters, "bias_ih_l0": bias}

    return shifted


def instead(**others):
    """Measure another remedy than the one asked for."""
    names = {name.replace("_", "-"): other for name, other in others.items()}
    return lambda settings: {**settings, "remedy": names.get(settings["remedy"], settings["remedy"])}


HALF = Fault("recurrent weights half as large", parameters=weights(0.5, "weight_hh"))
FORGETFUL = Fault("the forget bias 4 too small", parameters=forgetting(-4.0))


def other(**changes):
    """Add to parameters by name."""
    return lambda parameters: {name: p + changes.get(name, 0.0) for name, p in parameters.items()}


SMALLER = Fault("eigenvalues whose logarithm is e times as large", parameters=other(nu_log_l0=1.0))
THOUSANDTH = Fault("recurrent weights wrong by a thousandth", parameters=weights(0.999, "weight_hh"))
FAULTS = {
    "remedies/horizon/tanh": HALF,
    "remedies/horizon/orthogonal": HALF,
    "remedies/farther/orthogonal": HALF,
    "remedies/horizon/lstm-0": HALF,
    "remedies/horizon/lstm-1": HALF,
    "remedies/horizon/gru": HALF,
    "remedies/forget-gate/lstm-0": FORGETFUL,
    "remedies/forget-gate/lstm-1": FORGETFUL,
    "remedies/forget-gate/lstm-5": FORGETFUL,
    "remedies/start/chrono": FORGETFUL,
    "remedies/kept/chrono": FORGETFUL,
    "remedies/constant/identity": THOUSANDTH,
    "remedies/start/identity": HALF,
    "remedies/same/clipping": Fault("clipped networks are orthogonal", settings=instead(clipping="orthogonal")),
    "remedies/horizon/mingru": Fault("input weights of the gates three times as large", parameters=weights(3.0)),
    "remedies/kept/lru": SMALLER,
    "remedies/start/lru": state_gradients(0.9),
    "remedies/farther/ln-rnn": state_gradients(0.5),
    "remedies/farther/lstm": Fault("forget biases exchanged", settings=instead(lstm_0="lstm-1", lstm_1="lstm-0")),
}
EXPERIMENT = Remedies(load())


def of(remedy):
    """Multiply the state gradients of one remedy alone by a factor per step."""

    def fault(factor):
        present = []

        def note(settings):
            present[:] = [settings["remedy"]]
            return settings

        def change(gradients):
            return state_gradients(factor).gradients(gradients) if present == [remedy] else gradients

        return Fault(f"{remedy} x {factor} per step", gradients=change, settings=note)

    return fault


@pytest.mark.parametrize(
    ("remedies", "claims"),
    [
        (("tanh", "clipping"), ("horizon/tanh", "same/clipping")),
        (("tanh", "orthogonal"), ("horizon/tanh", "horizon/orthogonal", "farther/orthogonal")),
        (("identity",), ("constant/identity", "start/identity")),
        (("lstm-5",), ("forget-gate/lstm-5",)),
        (("chrono",), ("start/chrono", "kept/chrono")),
        (("gru",), ("horizon/gru",)),
        (("mingru",), ("horizon/mingru",)),
        (("lru",), ("start/lru", "kept/lru")),
        (("tanh", "ln-rnn"), ("horizon/tanh", "farther/ln-rnn")),
    ],
)
def test_every_claim_notices_a_fault_of_the_size_that_it_states(remedies, claims):
    resolved = {f"remedies/{claim}": of(claim.rpartition("/")[2]) for claim in claims}
    assert blind(EXPERIMENT, resolved, remedy=remedies, seeds=[4], batch_size=[4]) == []


def test_the_comparison_of_forget_biases_notices_a_fault_of_the_size_that_it_states():
    names = ("horizon/lstm-0", "forget-gate/lstm-0", "horizon/lstm-1", "forget-gate/lstm-1")
    resolved = {f"remedies/{claim}": of(claim.rpartition("/")[2]) for claim in names}
    resolved["remedies/farther/lstm"] = of("lstm-1")
    assert blind(EXPERIMENT, resolved, remedy=["lstm-0", "lstm-1"], seeds=[4], batch_size=[4]) == []


def test_every_claim_about_residual_layers_notices_a_fault_of_the_size_that_it_states():
    resolved = {f"remedies/{claim}/residual": layer_gradients for claim in ("start", "grown")}
    assert blind(EXPERIMENT, resolved, remedy=["residual"], seeds=[4], batch_size=[4], length=[40]) == []


def test_all_presets_have_every_remedy_but_the_slow_one_which_the_full_one_has():
    quick, standard, full = (EXPERIMENT.grid(preset, {})["remedy"] for preset in ("quick", "standard", "full"))
    assert full == list(REMEDIES)
    assert quick == standard == [remedy for remedy in full if remedy != "residual"]


def test_only_what_trains_is_timed():
    assert [EXPERIMENT.times({"training_steps": steps}) for steps in (0, 1)] == [False, True]


def test_every_claim_holds_and_bites():
    assert not_biting(EXPERIMENT, FAULTS, seeds=[2], batch_size=[4]) == []


def test_claims_hold_in_double_precision_and_for_more_networks():
    rows = measured(EXPERIMENT, dtype=["float64"], seeds=[8], batch_size=[4])
    assert {claim.verdict for claim in EXPERIMENT.claims(rows)} == {"holds"}


def test_a_remedy_alone_says_nothing_of_others():
    rows = measured(EXPERIMENT, remedy=["gru"])
    assert list(verdicts(EXPERIMENT, rows)) == ["remedies/horizon/gru"]


def test_training_lowers_the_loss_and_is_timed():
    rows = measured(EXPERIMENT, remedy=["lstm-5"], seeds=[1], training_steps=[20], length=[20], hidden_size=[16])
    last = rows.groupby("metric")["value"].last()
    assert last["loss_trained"] < last["loss"]
    assert last["seconds"] > 0
    (table,) = EXPERIMENT.tables(rows, [])
    assert list(table.rows["backend"]) == ["numpy"]


def timed(own, plain, notes=()):
    """Return a trial's rows: seconds of each round, and which round's own sample was disturbed."""
    samples = [(SECONDS, own), (SECONDS_PLAIN, plain)]
    return pd.DataFrame(
        {"metric": metric, "index": k, "value": value, "note": "slowed" if metric == SECONDS and k in notes else ""}
        for metric, taken in samples
        for k, value in enumerate(taken)
    )


def test_what_slows_a_round_slows_both_of_its_steps_and_cancels():
    slow = np.array([1.0, 1.0, 9.0, 1.0, 3.0, 1.0])
    taken = cost(timed(0.0028 * slow, 0.0014 * slow))
    assert (taken.ratio.low, taken.ratio.median, taken.ratio.high) == pytest.approx((2.0, 2.0, 2.0))


def test_disturbed_rounds_are_left_out_while_others_are_left_and_said():
    own = np.array([2.0, 30.0, 2.0, 2.0])
    taken = cost(timed(own, np.ones(4), notes=[1]))
    assert (taken.ratio.high, taken.kept, taken.rounds, taken.unsettled) == (2.0, 3, 4, False)
    taken = cost(timed(own, np.ones(4), notes=[0, 1, 2]))
    assert (taken.ratio.high, taken.kept, taken.unsettled) == (30.0, 1, True)
    assert cost(timed([1.0], [1.0]).iloc[:0]) is None


def test_the_title_the_claim_and_the_table_have_one_horizon_of_plain_tanh():
    rows = measured(EXPERIMENT, remedy=["tanh", "identity"], seeds=[3], training_steps=[2], batch_size=[4])
    claims = verdicts(EXPERIMENT, rows)
    horizon = f"{claims['remedies/horizon/tanh'].measured:.1f}"
    with style.context():
        title = next(EXPERIMENT.figures(rows, list(claims.values()))).figure.get_suptitle()
    (table,) = EXPERIMENT.tables(rows, [])
    assert f"{horizon} with plain tanh" in title
    assert table.rows["horizon"].tolist() == [horizon, "at least 99.0"]


def test_rows_of_a_run_that_did_not_pair_its_times_are_drawn_without_costs():
    rows = measured(EXPERIMENT, remedy=["tanh", "identity"], seeds=[2], training_steps=[2], batch_size=[4])
    with style.context():
        figure = next(EXPERIMENT.figures(rows[rows["metric"] != SECONDS_PLAIN], [])).figure
    assert len(figure.axes) == 1


def test_every_network_has_a_horizon_of_its_own():
    rows = measured(EXPERIMENT, remedy=["tanh"], seeds=[3], length=[20], hidden_size=[16])
    assert rows[rows["metric"] == HORIZON]["member"].tolist() == [0, 1, 2]


def test_the_horizon_is_interpolated_and_ends_at_the_start():
    assert reach(0.1 ** (2.0 * np.arange(6))) == pytest.approx(1.5)
    assert reach(np.ones(6)) == 5.0


@pytest.mark.parametrize("steps", [0, 2])
def test_the_titles_say_what_came_out(steps):
    titles = []
    for fault in (RIGHT, HALF):
        rows = measured(EXPERIMENT, fault, remedy=list(REMEDIES)[:3], training_steps=[steps], seeds=[2], batch_size=[4])
        claims = [*verdicts(EXPERIMENT, rows).values()]
        with style.context():
            titles.append([figure.figure.get_suptitle() for figure in EXPERIMENT.figures(rows, claims)])
    assert all(title.endswith("claims hold") for title in titles[0])
    assert all("not on numpy" in title for title in titles[1])


def test_the_answer_names_what_reaches_twice_as_far_as_plain_tanh():
    found = pd.Series({"tanh": 12.06, "clipping": 12.06, "orthogonal": 73.7, "lstm-5": 99.0, "lru": 99.0, "gru": 13.9})
    assert reached(found, 99) == (
        "Before training, a gradient reaches 12.1 steps back with plain tanh; "
        "all 99 with LSTM with bias 5 and LRU; 73.7 with orthogonal tanh."
    )
    assert helping(found) == ["lstm-5", "lru", "orthogonal"]
    assert reached(found[["tanh", "gru"]], 99).endswith("plain tanh, and with nothing else 2 times as far.")
    assert (
        reached(found[["gru"]], 99)
        == "Before training, a gradient reaches so many steps back: 13.9 with GRU with bias 0."
    )
