"""Agreement: claims that hold and bite; the twin against the oracle; the slope of a known exponential."""

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.model import Model
from gradsuite.oracle import differentiate
from gradsuite.parameters import Initialisation, initialise
from gradsuite.plugins import load
from gradsuite.report import style
from gradsuite_experiments.agreement.exact import errors
from gradsuite_experiments.agreement.experiment import Agreement
from gradsuite_experiments.agreement.laws import PARAMETERS_ERROR, exact_bound, growth
from gradsuite_experiments.agreement.twin import rounding_distances, twin_gradients, twin_states
from gradsuite_experiments.common.networks import driven

from tests.experiments.laboratory import (
    RIGHT,
    Fault,
    Faulty,
    blind,
    cell_slope,
    measured,
    parameter_gradients,
    states,
    verdicts,
    weights,
)

WEIGHTS = Fault("recurrent weights wrong in the fifth digit", parameters=weights(1 + 1e-4, only="weight_hh"))
CELLS = ("mlp", "rnn", "lstm", "gru")


def readout(factor):
    """The outputs are the states, read out by the identity."""
    return Fault(f"states x {factor}", parameters=weights(factor, only="readout"))


def flow(factor):
    return Fault(f"state gradients x {factor}", gradients=states(lambda g: g * factor))


def recurrent(factor):
    return Fault(f"recurrent weights x {factor}", parameters=weights(factor, only="weight_hh"))


FAULTS = {
    "agreement/states": readout,
    "agreement/state-gradients": flow,
    "agreement/lyapunov/2": recurrent,
    "agreement/lyapunov/3": recurrent,
    **{f"agreement/parameters/{cell}": parameter_gradients for cell in CELLS},
    **{f"agreement/states/{cell}": flow for cell in CELLS},
    "agreement/cell-states/lstm": flow,
}


def test_every_claim_notices_a_fault_of_the_size_that_it_states():
    assert blind(Agreement(), FAULTS, dtype=["float64"], hidden_size=[48], length=[60], batch_size=[1]) == []


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("fault", "red"),
    [
        (parameter_gradients(1.01), {f"parameters/{cell}" for cell in CELLS}),
        (parameter_gradients(0.0, "*bias*"), {f"parameters/{cell}" for cell in CELLS}),
        (parameter_gradients(0.0, "bias_hh_l0"), {f"parameters/{cell}" for cell in CELLS[1:]}),
        (cell_slope("1"), {"parameters/lstm", "states/lstm", "cell-states/lstm"}),
    ],
    ids=lambda value: None if isinstance(value, set) else str(value),  # a set has no order to be named by
)
def test_faults_that_no_claim_noticed_once_turn_some_red_in_the_quick_preset(fault, red, dtype):
    judged = verdicts(Agreement(), measured(Agreement(), fault, dtype=[dtype], hidden_size=[16], length=[40]))
    exact = {name for name in judged if name.split("/")[1] != "lyapunov"}
    assert {name for name in exact if judged[name].verdict == "fails"} == {f"agreement/{name}" for name in red}


@pytest.mark.parametrize("backend", ["torch", "jax"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_they_turn_red_whichever_backend_has_them(backend, dtype):
    pytest.importorskip(backend)
    right = load().get("backend", backend)()
    for fault in (RIGHT, parameter_gradients(1.01), parameter_gradients(0.0, "*bias*")):
        found = [m for m in errors(Faulty(fault, right), "cpu", dtype) if m.metric == PARAMETERS_ERROR]
        assert [m.note for m in found] == list(CELLS)
        assert {m.value > exact_bound(dtype) for m in found} == {fault is not RIGHT}


def test_the_twin_is_the_oracle():
    T, B, N = 6, 2, 3
    model = Model("rnn", N, N, N, readout="all", loss="inner_product")
    network = driven(initialise(model, Initialisation("normal")), 1.2, 0.1)
    network |= {"readout.weight": np.eye(N), "readout.bias": np.zeros(N)}
    targets = np.zeros((T, B, N))
    targets[-1] = 1.0
    batch = Batch(np.random.default_rng(0).standard_normal((T, B, N)), targets)
    exact = twin_states(network, batch)
    gradients = twin_gradients(network, exact)
    answer = differentiate(model, network, batch)
    np.testing.assert_allclose(exact[-1].astype(float), answer.outputs[-1], rtol=1e-13)
    np.testing.assert_allclose(gradients.astype(float), answer.states[:, 0], rtol=1e-13)


def test_growth_is_from_the_unit_roundoff_to_saturation():
    distances = np.minimum(2.0**-53 * np.exp(0.3 * np.arange(1, 201)), 0.5)
    for last in (20, 200):
        assert growth(distances[:last], "float64") == pytest.approx(0.3)
    assert np.isnan(growth(np.full(50, 0.5), "float64"))


def test_rounding_errors_grow_at_the_rate_of_a_linear_network():
    network = {"weight_hh_l0": 1.2 * np.linalg.qr(np.random.default_rng(0).standard_normal((8, 8)))[0]}
    distances = rounding_distances(network, np.full((60, 2, 8), 1e-3), 2.0**-53, 4)  # where tanh is the identity
    rates = np.log(distances[:, 59] / distances[:, 39]) / 20
    np.testing.assert_allclose(rates, np.log(1.2), rtol=0.01)


def test_the_figure_has_a_row_for_each_precision():
    experiment, axes, titles = Agreement(), [], []
    for fault, dtypes in ((RIGHT, ["float64"]), (WEIGHTS, ["float64", "float32"])):
        rows = measured(experiment, fault, dtype=dtypes, hidden_size=[16])
        with style.context():
            (figure,) = experiment.figures(rows, list(verdicts(experiment, rows).values()))
        axes.append(len(figure.figure.axes))
        titles.append(figure.figure.get_suptitle())
    assert axes == [2, 4]
    assert "not those of rounding" in titles[1]
