"""Truncated BPTT: claims that hold and bite, on networks whose truncated gradients have a law."""

from dataclasses import replace

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.errors import Unsupported
from gradsuite.oracle import differentiate
from gradsuite.report import style
from gradsuite.schedule import Schedule
from gradsuite_experiments.truncation.exact import exact
from gradsuite_experiments.truncation.experiment import Truncation
from gradsuite_experiments.truncation.laws import BIAS, FLOW, GAINS, LAWS
from gradsuite_experiments.truncation.networks import linear_units, model, random_networks
from gradsuite_numpy.backend import NumpyBackend

from tests.experiments.laboratory import (
    RIGHT,
    Fault,
    blind,
    measured,
    not_biting,
    parameter_gradients,
    state_gradients,
    states,
    verdicts,
    weights,
)


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
WEAK = Fault("recurrent weights half as large", parameters=weights(0.5, only="weight_hh"))
HORIZON = {
    "truncation/units/rnn": EARLY,
    "truncation/units/lstm": EARLY,
    "truncation/units/gru": EARLY,
    "truncation/beyond": LATE,
    "truncation/within": EARLY,
    "truncation/whole": EARLY,
    "truncation/share/vanishing": EARLY,
    "truncation/share/critical": EARLY,
    "truncation/share/exploding": EARLY,
    "truncation/flow": WEAK,
}
SMALL = {"cell": ["rnn", "lstm", "gru"], "hidden_size": [64], "batch_size": [4]}


def truncated(options):
    return options["schedule"].truncation is not None


def parameters(factor):
    return replace(parameter_gradients(factor), when=truncated)


def within(factor):
    return Fault(f"truncated state gradients x {factor}", gradients=states(lambda g: g * factor), when=truncated)


def beyond(factor):
    """Pass on a part of dL/dh_T to where the horizon lets nothing through."""

    def passed(gradients):
        return np.where(gradients == 0, (factor - 1) * gradients[..., -1:, :, :, :], gradients)

    return Fault(f"{factor - 1} beyond the horizon", gradients=states(passed), when=truncated)


SIZES = {
    "truncation/beyond": beyond,
    "truncation/within": within,
    "truncation/whole": parameters,
    **{f"truncation/share/{regime}": parameters for regime in GAINS},
    "truncation/flow": state_gradients,
}


def test_every_claim_holds_and_bites():
    assert not_biting(Truncation(), HORIZON, **SMALL) == []


@pytest.mark.parametrize("cell", LAWS)
def test_every_claim_notices_a_fault_of_the_size_that_it_states(cell):
    sizes = SIZES if cell == "rnn" else {name: SIZES[name] for name in list(SIZES)[:3]}
    grid = {"cell": [cell], "hidden_size": [32], "length": [20], "horizon": [6, 20], "batch_size": [4]}
    assert blind(Truncation(), {**sizes, f"truncation/units/{cell}": parameters}, **grid) == []


def test_a_gradient_that_is_wrong_with_and_without_truncation_is_noticed():
    rows = measured(Truncation(), parameter_gradients(1.01), cell=["rnn"], hidden_size=[32], horizon=[6])
    judged = verdicts(Truncation(), rows)
    red = {name for name, claim in judged.items() if claim.verdict == "fails"}
    assert red == {"truncation/units/rnn", *(f"truncation/share/{regime}" for regime in GAINS)}


def test_exact_gradients_are_the_oracle_s():
    network, noise = random_networks("rnn", 4, 1)[2].parameters, np.random.default_rng(0).standard_normal((7, 2, 4))
    batch = Batch(noise, np.ones((2, 4)))
    found = exact(network, batch, 3)
    full = differentiate(model("rnn", 4), network, batch)
    cut = differentiate(model("rnn", 4), network, batch, truncation=(1, 3))
    np.testing.assert_allclose(found.states, full.states[:, 0], rtol=1e-12)
    np.testing.assert_allclose(found.full, full.parameters["weight_hh_l0"], rtol=1e-12)
    np.testing.assert_allclose(found.cut, cut.parameters["weight_hh_l0"], rtol=1e-12)


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
