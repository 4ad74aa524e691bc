"""Phase diagram in time: claims that hold and bite, and where a rate crosses zero."""

import math

import numpy as np
import pandas as pd
import pytest
from gradsuite_experiments.phase_time.experiment import PhaseTime, crossing

from tests.experiments.laboratory import Fault, measured, not_biting, states, weights

STRONG = Fault("recurrent weights twice as large", parameters=weights(2.0, only="weight_hh"))
WEAK = Fault("recurrent weights half as large", parameters=weights(0.5, only="weight_hh"))


def growing(g):
    """Make the gradient grow tenfold a step back in time, faster than any W here allows."""
    return g * 10.0 ** -np.arange(float(g.shape[-4]))[:, None, None, None]


FAULTS = {
    "No gradient through time grows faster a step than the largest singular value of W.": Fault(
        "gradients ten times larger a step back", gradients=states(growing)
    ),
    "Gradients vanish far above the sufficient gain 1/2: in every network up to 0.8 g_c.": STRONG,
    "Gradients explode in every network beyond 1.3 g_c.": WEAK,
    "Noise of variance 0.05 moves the critical gain to where ln chi_1 = 0.": STRONG,
    "Noise of variance 0.25 moves the critical gain to where ln chi_1 = 0.": STRONG,
}


def test_every_claim_holds_and_bites():
    assert not_biting(PhaseTime(), FAULTS) == []


def test_the_full_preset_has_a_thousand_networks_and_the_table_adds_up_its_cells():
    experiment = PhaseTime()
    full = list(experiment.trials(experiment.grid("full", {})))
    assert sum(cell["gains"] * cell["seeds"] for cell in full) == 1000
    assert {(cell["hidden_size"], cell["length"]) for cell in full} == {(128, 100)}
    rows = measured(experiment, noise=[0.1, 0.2], gains=[3], hidden_size=[8])
    (table,) = experiment.tables(rows)
    (line,) = table.rows.to_dict("records")
    seconds = rows[rows["metric"] == "seconds_alone"]["value"]
    assert line["networks"] == 6
    assert len(seconds) == 2
    assert line["one by one, s"] == pytest.approx(seconds.sum(), abs=0.005)


def test_crossing_interpolates_the_mean_over_seeds():
    networks = pd.DataFrame({"gain": [1.0, 1.0, 2.0, 2.0], "rate": [-1.0, -3.0, 1.0, 5.0]})
    assert crossing(networks) == pytest.approx(1.4)


def test_no_crossing_is_no_number():
    assert math.isnan(crossing(pd.DataFrame({"gain": [1.0, 2.0], "rate": [-2.0, -1.0]})))
