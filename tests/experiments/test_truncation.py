"""Truncated BPTT: claims that hold and bite, on networks whose truncated gradients have a law."""

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.errors import Unsupported
from gradsuite.report import style
from gradsuite.schedule import Schedule
from gradsuite_experiments.truncation.experiment import Truncation
from gradsuite_experiments.truncation.laws import BIAS, FLOW, GAINS, LAWS
from gradsuite_experiments.truncation.networks import linear_units, model, random_networks
from gradsuite_numpy.backend import NumpyBackend

from tests.experiments.laboratory import RIGHT, Fault, measured, not_biting, verdicts, weights


def shifted(steps):
    """Truncate this many steps further back than asked."""

    def change(options):
        if options["schedule"].truncation is None:
            return options
        k1, k2 = options["schedule"].truncation
        return options | {"schedule": Schedule(truncation=(k1, k2 + steps))}

    return change


LATE = Fault("a horizon one step too far", options=shifted(1))
EARLY = Fault("a horizon one step too short", options=shifted(-1))
STRONG = Fault("recurrent weights twice as large", parameters=weights(2.0, only="weight_hh"))
WEAK = Fault("recurrent weights half as large", parameters=weights(0.5, only="weight_hh"))
FAULTS = {
    "truncation/units/rnn": EARLY,
    "truncation/units/lstm": EARLY,
    "truncation/units/gru": EARLY,
    "truncation/beyond": LATE,
    "truncation/within": EARLY,
    "truncation/whole": EARLY,
    "truncation/share/vanishing": STRONG,
    "truncation/share/critical": WEAK,
    "truncation/share/exploding": WEAK,
    "truncation/flow": EARLY,
}
SMALL = {"cell": ["rnn", "lstm", "gru"], "hidden_size": [64], "batch_size": [4]}


def test_every_claim_holds_and_bites():
    assert not_biting(Truncation(), FAULTS, **SMALL) == []


@pytest.mark.parametrize("cell", LAWS)
def test_linear_units_keep_their_factor(cell):
    size, steps = 5, 12
    network = NumpyBackend().build(model(cell, size), linear_units(cell, size), dtype="float64")
    noise = np.random.default_rng(0).standard_normal((steps, 2, size))
    tape = network.forward(network.put(Batch(noise, np.ones((2, size)))), states=True)
    gradients = network.fetch_gradients(network.backward(tape))
    states = gradients.states if gradients.cell_states is None else gradients.cell_states
    factors = np.broadcast_to(LAWS[cell].factors(size), (steps - 1, 2, size))
    np.testing.assert_allclose(states[:-1, 0] / states[1:, 0], factors, rtol=1e-14)


def test_a_backend_that_does_not_truncate_is_unsupported():
    class Whole(NumpyBackend):
        def describe(self):
            info = super().describe()
            return type(info)(info.name, info.versions, info.devices, info.dtypes, info.cells)

    (settings,) = Truncation().trials(Truncation().grid("quick", {"cell": ["rnn"], "horizon": [2]}))
    with pytest.raises(Unsupported, match="no feature 'truncation'"):
        list(Truncation().measure(Whole(), "cpu", settings))


def test_figures_say_what_came_out():
    experiment = Truncation()
    for fault, verdict in ((RIGHT, "a truncated gradient is off by what"), (LATE, "does not do what it says")):
        rows = measured(experiment, fault, **SMALL)
        with style.context():
            bias, cost = experiment.figures(rows, [*verdicts(experiment, rows).values()])
        assert verdict in bias.figure.get_suptitle().lower()
        assert "Back through 6 of 40 steps" in cost.figure.get_suptitle()


def test_without_an_lstm_no_cost_is_drawn():
    rows = measured(Truncation(), cell=["rnn"], hidden_size=[16])
    with style.context():
        figures = list(Truncation().figures(rows, []))
    assert [figure.name for figure in figures] == ["truncation"]


def test_each_driven_network_has_a_row_with_its_regime():
    rows = measured(Truncation(), cell=["rnn"], horizon=[3], hidden_size=[16], seeds=[2])
    regimes = [member.regime for member in random_networks("rnn", 16, 2)]
    assert regimes == [regime for regime in GAINS for _ in range(2)]
    for metric in (BIAS, FLOW):
        members = rows[rows["metric"] == metric].sort_values("member")
        assert members["member"].tolist() == [1, 2, 3, 4, 5, 6]  # 0 is the network of linear units
        assert members["note"].tolist() == regimes
        assert members["index"].isna().all()


def test_one_point_is_drawn_per_regime_and_horizon():
    rows = measured(Truncation(), cell=["rnn"], horizon=[3, 40], hidden_size=[16])
    with style.context():
        (figure,) = Truncation().figures(rows, [])
    units, driven = figure.figure.axes
    assert len(units.collections[0].get_offsets()) == 16  # fewer than `shown`: all
    places = driven.collections[0].get_offsets()
    assert places[:, 0].tolist() == [3.0] * len(GAINS)
