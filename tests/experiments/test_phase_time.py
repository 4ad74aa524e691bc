"""Phase diagram in time: claims that hold and bite, and where a rate crosses zero."""

import math

import numpy as np
import pandas as pd
import pytest
from gradsuite.report import style
from gradsuite.report.palette import EXPLODING, VANISHING
from gradsuite_experiments.phase_time.experiment import PhaseTime
from gradsuite_experiments.phase_time.laws import SECONDS_ALONE, crossing
from matplotlib.colors import to_hex

from tests.experiments.laboratory import Fault, blind, measured, not_biting, state_gradients, states, verdicts, weights

STRONG = Fault("recurrent weights 40% larger", parameters=weights(1.4, only="weight_hh"))
WEAK = Fault("recurrent weights half as large", parameters=weights(0.5, only="weight_hh"))


def growing(g):
    """Make the gradient grow tenfold per step back in time, faster than any W here allows."""
    return g * 10.0 ** -np.arange(float(g.shape[-4]))[:, None, None, None]


FAULTS = {
    "phase-time/bound": Fault("gradients ten times larger a step back", gradients=states(growing)),
    "phase-time/vanishing": STRONG,
    "phase-time/exploding": WEAK,
    "phase-time/critical-gain/0.05": STRONG,
    "phase-time/critical-gain/0.25": STRONG,
}


def stronger(factor):
    """Multiply the recurrent weights."""
    return Fault(f"recurrent weights x {factor}", parameters=weights(factor, only="weight_hh"))


def test_every_claim_notices_a_fault_of_the_size_that_it_states():
    resolved = {"phase-time/critical-gain/0.25": stronger}
    resolved |= {f"phase-time/{claim}": state_gradients for claim in ("bound", "vanishing", "exploding")}
    assert blind(PhaseTime(), resolved, noise=[0.25], seeds=[2]) == []


def test_every_claim_holds_and_bites():
    assert not_biting(PhaseTime(), FAULTS) == []


def test_the_full_preset_has_a_thousand_networks_and_the_table_adds_up_its_trials():
    experiment = PhaseTime()
    full = list(experiment.trials(experiment.grid("full", {})))
    assert sum(trial["gains"] * trial["seeds"] for trial in full) == 1000
    assert {(trial["hidden_size"], trial["length"]) for trial in full} == {(128, 100)}
    rows = measured(experiment, noise=[0.1, 0.2], gains=[3], seeds=[1], hidden_size=[8])
    (table,) = experiment.tables(rows, [])
    (line,) = table.rows.to_dict("records")
    seconds = rows[rows["metric"] == SECONDS_ALONE]["value"]
    assert line["networks"] == 6
    assert len(seconds) == 2
    assert line["one by one, s"] == pytest.approx(seconds.sum(), abs=0.005)


def test_crossing_interpolates_the_mean_over_seeds():
    networks = pd.DataFrame({"gain": [1.0, 1.0, 2.0, 2.0], "rate": [-1.0, -3.0, 1.0, 5.0]})
    assert crossing(networks) == pytest.approx(1.4)


def test_crossing_follows_the_curve():
    gains = np.arange(0.25, 2.75, 0.25)
    networks = pd.DataFrame({"gain": gains, "rate": 2.0 * np.log(gains / 1.6)})
    # A chord would be off by .0047, the curve's third differences leave a tenth of it.
    assert crossing(networks) == pytest.approx(1.6, abs=5e-4)


def test_no_crossing_is_no_number():
    assert math.isnan(crossing(pd.DataFrame({"gain": [1.0, 2.0], "rate": [-2.0, -1.0]})))


def test_crossings_lie_on_the_heat_map_where_their_gains_do():
    experiment = PhaseTime()
    rows = measured(experiment, noise=[0.25], hidden_size=[32], gains=[10], seeds=[1])
    claims = verdicts(experiment, rows)
    with style.context():
        (figure,) = experiment.figures(rows, list(claims.values()))
    plane = figure.figure.axes[0]
    (point,) = plane.collections[-1].get_offsets()
    # Ten squares from gain .25 to 2.5, .25 apart, each as wide as 1: the middle of the first is at .5.
    assert list(point) == pytest.approx([claims["phase-time/critical-gain/0.25"].measured / 0.25 - 0.5, 0.5])


def test_squares_are_told_apart_on_dark_paper_as_on_light():
    """The page replaces the colours of the two phases and of the paper: a square's strength is in its opacity alone."""
    experiment = PhaseTime()
    rows = measured(experiment, noise=[0.1, 0.2], gains=[5], seeds=[1], hidden_size=[8])
    with style.context():
        (figure,) = experiment.figures(rows, list(verdicts(experiment, rows).values()))
        figure.figure.draw_without_rendering()
    squares = figure.figure.axes[0].collections[0]
    rates, colours = squares.get_array().ravel(), squares.get_facecolors()
    assert {to_hex(colour) for colour in colours} <= {VANISHING, EXPLODING}
    signed = np.where([to_hex(colour) == VANISHING for colour in colours], -colours[:, 3], colours[:, 3])
    order = np.argsort(rates)
    assert (np.diff(signed[order]) >= 0.0).all()
    assert np.ptp(signed) > 1.0
