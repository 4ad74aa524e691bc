"""Remedies: each claim holds, and fails with a fault; training and figures."""

import numpy as np
import pytest
from gradsuite.report import style
from gradsuite_experiments.remedies.experiment import REMEDIES, Remedies
from gradsuite_experiments.remedies.laws import reach

from tests.experiments.laboratory import RIGHT, Fault, measured, not_biting, weights


def forgetting(shift):
    """Add to the bias of the LSTM's forget gate: the second block of rows."""

    def shifted(parameters):
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
THOUSANDTH = Fault("recurrent weights wrong by a thousandth", parameters=weights(0.999, "weight_hh"))
FAULTS = {
    "Plain tanh: the horizon is that of mean field at gain 1 / sqrt(3).": HALF,
    "Orthogonal tanh: the horizon is that of mean field at gain 1.": HALF,
    "Orthogonal tanh: the horizon is at least three times that of plain tanh.": HALF,
    "LSTM, forget bias 0: the horizon is that of powers of f0 + i0 o0 W_g.": HALF,
    "LSTM, forget bias 1: the horizon is that of powers of f0 + i0 o0 W_g.": HALF,
    "GRU: the horizon is that of powers of z0 + (1 - z0) r0 W_n.": HALF,
    **{
        f"LSTM, forget bias {bias}: the horizon is no nearer than that of sigma({bias})^k, or the start.": FORGETFUL
        for bias in (0, 1, 5)
    },
    "Chrono: the horizon is beyond the start of the sequence.": FORGETFUL,
    "Chrono: at the start is left at least what the forget gates keep, E f^(2 (T-1)) of the square.": FORGETFUL,
    "Identity-ReLU: a unit's gradient is at every lag exactly what it is at T, or zero.": THOUSANDTH,
    "Identity-ReLU: the horizon is beyond the start of the sequence.": HALF,
    "Clipping: gradients through time are those of plain tanh, bit for bit.": Fault(
        "clipped networks are orthogonal", settings=instead(clipping="orthogonal")
    ),
    "LSTM: a larger forget bias reaches farther.": Fault(
        "forget biases exchanged", settings=instead(lstm_0="lstm-1", lstm_1="lstm-0")
    ),
}


def test_every_claim_holds_and_bites():
    assert not_biting(Remedies(), FAULTS, seeds=[2], batch_size=[4]) == []


def test_claims_hold_in_double_precision_and_for_more_networks():
    rows = measured(Remedies(), dtype=["float64"], seeds=[8], batch_size=[4])
    assert {claim.verdict for claim in Remedies().claims(rows)} == {"holds"}


def test_a_remedy_alone_says_nothing_of_others():
    rows = measured(Remedies(), remedy=["gru"])
    assert [claim.sentence[:4] for claim in Remedies().claims(rows)] == ["GRU:"]


def test_training_lowers_the_loss_and_is_timed():
    rows = measured(Remedies(), remedy=["lstm-5"], seeds=[1], steps=[20], length=[20], hidden_size=[16])
    found = rows.groupby("metric")["value"].last()
    assert found["loss_trained"] < found["loss"]
    assert found["seconds"] > 0
    (table,) = Remedies().tables(rows)
    assert list(table.rows["backend"]) == ["numpy"]


def test_the_horizon_is_interpolated_and_ends_at_the_start():
    assert reach(0.1 ** (2.0 * np.arange(6))) == pytest.approx(1.5)
    assert reach(np.ones(6)) == 5.0


@pytest.mark.parametrize("steps", [0, 2])
def test_the_titles_say_what_came_out(steps):
    titles = []
    for fault in (RIGHT, HALF):
        rows = measured(Remedies(), fault, remedy=list(REMEDIES)[:3], steps=[steps], seeds=[2], batch_size=[4])
        with style.context():
            titles.append([figure.figure.get_suptitle() for figure in Remedies().figures(rows)])
    assert all(title.endswith("claims hold") for title in titles[0])
    assert all("not on numpy" in title for title in titles[1])
