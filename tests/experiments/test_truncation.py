"""Truncated BPTT: claims that hold and bite, on networks whose truncated gradients have a law."""

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.errors import Unsupported
from gradsuite.report import style
from gradsuite.schedule import Schedule
from gradsuite_experiments.truncation.experiment import BEYOND, INSIDE, WHOLE, Truncation
from gradsuite_experiments.truncation.networks import GAINS, LAWS, linear_units, model
from gradsuite_numpy.backend import NumpyBackend

from tests.experiments.laboratory import RIGHT, Fault, measured, not_biting, weights


def shifted(steps):
    """Truncate so many steps further back than asked."""

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
DRIVEN = "Driven tanh RNN, gain {:.3g}: the bias {}."
SHARE, STATE = "squared is the share of steps before the horizon", "is the state gradient at the horizon over that at T"
FAULTS = {
    **{law.sentence: EARLY for law in LAWS.values()},
    BEYOND: LATE,
    INSIDE: EARLY,
    WHOLE: EARLY,
    DRIVEN.format(GAINS[0], SHARE): STRONG,
    DRIVEN.format(GAINS[1], SHARE): WEAK,
    DRIVEN.format(GAINS[2], SHARE): WEAK,
    DRIVEN.format(GAINS[0], STATE): EARLY,
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
    found = network.fetch_gradients(network.backward(tape))
    states = found.states if found.cell_states is None else found.cell_states
    factors = np.broadcast_to(LAWS[cell].factors(size), (steps - 1, 2, size))
    np.testing.assert_allclose(states[:-1, 0] / states[1:, 0], factors, rtol=1e-14)


def test_a_backend_that_does_not_truncate_is_unsupported():
    class Whole(NumpyBackend):
        def describe(self):
            info = super().describe()
            return type(info)(info.name, info.versions, info.devices, info.dtypes, info.cells)

    (settings,) = Truncation().cells(Truncation().grid("quick", {"cell": ["rnn"], "horizon": [2]}))
    with pytest.raises(Unsupported, match="no feature 'truncation'"):
        list(Truncation().measure(Whole(), "cpu", settings))


def test_figures_say_what_came_out():
    for fault, verdict in ((RIGHT, "a truncated gradient is off by what"), (LATE, "does not do what it says")):
        with style.context():
            bias, cost = Truncation().figures(measured(Truncation(), fault, **SMALL))
        assert verdict in bias.figure.get_suptitle().lower()
        assert "Back through 6 of 40 steps" in cost.figure.get_suptitle()


def test_without_an_lstm_no_cost_is_drawn():
    with style.context():
        figures = list(Truncation().figures(measured(Truncation(), cell=["rnn"], hidden_size=[16])))
    assert [figure.name for figure in figures] == ["truncation"]
