"""Critical gains of gated cells: each claim holds, and fails with a fault; what a crossing and a distance are."""

import math

import numpy as np
import pytest
from gradsuite.report import style
from gradsuite_experiments.critical_gain.experiment import CriticalGain, distance
from gradsuite_experiments.critical_gain.figures import finding
from gradsuite_experiments.critical_gain.laws import crossing

from tests.experiments.laboratory import Fault, blind, measured, not_biting, state_gradients, verdicts, weights

GAIN = Fault("recurrent weights twice as large", parameters=weights(2.0, "weight_hh"))
ROUNDING = Fault("recurrent weights wrong in the tenth digit", parameters=weights(1 + 1e-10, "weight_hh"))
FAULTS = {
    f"critical-gain/{claim}/{cell}/{bias}": fault
    for cell in ("lstm", "gru")
    for bias in (0, 1)
    for claim, fault in (
        ("eigenvalues", ROUNDING),
        ("crossing-orthogonal", GAIN),
        ("crossing-gaussian", GAIN),
        ("growth", GAIN),
    )
}


def squared_gradients(factor):
    """Multiply the squared gradient by a factor per step."""
    return state_gradients(factor**0.5)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_every_claim_notices_a_fault_of_the_size_that_it_states(cell):
    claims = ("eigenvalues", "crossing-orthogonal", "crossing-gaussian")
    resolved = {f"critical-gain/{claim}/{cell}/1": state_gradients for claim in claims}
    resolved[f"critical-gain/growth/{cell}/1"] = squared_gradients
    assert blind(CriticalGain(), resolved, cell=[cell], forget_bias=[1.0]) == []


def test_every_claim_holds_and_bites():
    assert not_biting(CriticalGain(), FAULTS) == []


def test_crossing_is_interpolated_and_not_invented():
    assert crossing(np.array([0.8, 0.9, 1.1])) == pytest.approx(1.15)
    assert math.isnan(crossing(np.array([0.7, 0.8, 0.9])))


def test_distance_sees_an_eigenvalue_that_either_spectrum_lacks():
    assert distance(np.array([1.0, 1.0]), np.array([1.0, 3.0])) == 2.0
    assert distance(np.array([1.0, 3.0]), np.array([1.0, 1.0])) == 2.0


def test_critical_gains_stand_in_sentences_and_in_the_title():
    experiment = CriticalGain()
    rows = measured(experiment, hidden_size=[8], forget_bias=[-1.0, 1.0])
    claims = verdicts(experiment, rows)
    assert "crosses 1 at gain 1.07577." in claims["critical-gain/crossing-orthogonal/lstm/1"].sentence
    assert "near gain 2.92423." in claims["critical-gain/crossing-gaussian/lstm/minus-1"].sentence
    with style.context():
        (figure,) = experiment.figures(rows, list(claims.values()))
    assert len(figure.figure.axes) == 6
    assert finding(["lstm", "gru"], [-1.0, 1.0]).endswith("at forget bias -1, 1: lstm 2.924, 1.076; gru 2, 2")
