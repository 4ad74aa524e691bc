"""The Jacobian's singular values: each claim holds, and fails with a fault; what is measured, and where."""

from types import MappingProxyType

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.cells import Cell, Parameter, installed
from gradsuite.claims import decisive
from gradsuite.model import Model
from gradsuite.oracle import differentiate
from gradsuite.parameters import Initialisation, initialise
from gradsuite.report import style
from gradsuite_experiments.jacobian_spectrum.diagonal import kept, without_recurrence
from gradsuite_experiments.jacobian_spectrum.experiment import JacobianSpectrum
from gradsuite_experiments.jacobian_spectrum.states import model_of, products
from scipy.optimize import brentq

from tests.experiments.laboratory import (
    EveryCell,
    Fault,
    blind,
    measured,
    not_biting,
    state_gradients,
    states,
    weights,
)

DIGIT = Fault("recurrent weights wrong in the ninth digit", parameters=weights(1 + 1e-9, "weight_hh"))
INPUTS = Fault("input weights wrong in the ninth digit", parameters=weights(1 + 1e-9, "weight_ih"))
LARGE = Fault("recurrent weights a quarter too large", parameters=weights(1.25, "weight_hh"))


def smooth(parameters):
    """Average the recurrent weights of neighbouring units: their entries are no longer independent."""
    if "weight_hh_l0" not in parameters:
        return parameters
    weight = parameters["weight_hh_l0"]
    return {**parameters, "weight_hh_l0": (weight + 0.8 * (weight[..., ::-1, :])) / 1.64**0.5}


def other_moduli(parameters):
    """Make eigenvalues a little smaller."""
    return {name: p + 1e-6 if name == "nu_log_l0" else p for name, p in parameters.items()}


MODULI = Fault("eigenvalues wrong in the sixth digit", parameters=other_moduli)
SMOOTH = Fault("rows of the recurrent weights depend on one another", parameters=smooth)
FAULTS = {
    "jacobian-spectrum/isometry": DIGIT,
    "jacobian-spectrum/bound": LARGE,
    "jacobian-spectrum/gates/lstm": INPUTS,
    "jacobian-spectrum/gates/gru": INPUTS,
    "jacobian-spectrum/gates/mingru": INPUTS,
    "jacobian-spectrum/eigenvalues/lru": MODULI,
    "jacobian-spectrum/lyapunov/lru": MODULI,
    "jacobian-spectrum/mean-square": LARGE,
    "jacobian-spectrum/largest": LARGE,
    "jacobian-spectrum/quarter-circle": LARGE,
    "jacobian-spectrum/spread": SMOOTH,
}


def spreading(factor):
    """Multiply E s^4 / (E s^2)^2 of every Jacobian, by taking its singular values to a power."""

    def spread(s):
        return (s**4).mean() / (s**2).mean() ** 2

    def change(jacobian):
        left, s, right = np.linalg.svd(jacobian)
        if np.ptp(s) < 1e-9:
            return jacobian  # that of no step at all
        power = brentq(lambda p: spread(s**p) / spread(s) - factor, 0.1, 3.0)
        return left * s**power @ right

    def all_of(gradients):
        return np.array([change(j) for j in gradients.reshape(-1, *gradients.shape[-2:])]).reshape(gradients.shape)

    return Fault(f"spread x {factor}", gradients=states(all_of))


def test_every_claim_notices_a_fault_of_the_size_that_it_states():
    of_linear = ("isometry", "mean-square", "largest", "quarter-circle")
    resolved = {f"jacobian-spectrum/{claim}": state_gradients for claim in of_linear}
    resolved["jacobian-spectrum/spread"] = spreading
    assert blind(JacobianSpectrum(), resolved, cell=["rnn"], activation=["identity"], lags=[2]) == []


def test_every_exact_claim_notices_a_fault_of_the_size_that_it_states():
    gated = ("lstm", "gru", "coupled", "peephole", "mingru", "minlstm", "ln-lstm")
    claims = ("bound", "eigenvalues/lru", "lyapunov/lru", *(f"gates/{cell}" for cell in gated))
    resolved = {f"jacobian-spectrum/{claim}": state_gradients for claim in claims}
    cells = ["rnn", "lru", *gated]
    small = {"lags": [4], "seeds": [2], "hidden_size": [12]}
    # One activation each: an RNN's is tanh, and so that of an LRU's output.
    assert blind(JacobianSpectrum(), resolved, cell=cells, activation=["tanh"], **small) == []


@pytest.mark.parametrize("cell", ["lstm", "gru", "coupled", "peephole", "ln-lstm", "mingru", "minlstm"])
def test_factors_written_out_are_what_the_oracle_sends_back(cell):
    """With the gradient of a unit at T, that k steps before is its product, whatever the cell's other states do."""
    model = Model(cell, 3, 5, readout="none", loss="inner_product")
    rng = np.random.default_rng(0)
    drawn = {name: p + 0.3 * rng.standard_normal(p.shape) for name, p in initialise(model).items()}
    network = without_recurrence(cell, drawn)
    inputs = rng.standard_normal((6, 3))
    answer = differentiate(model, network, Batch(inputs[:, None], rng.standard_normal((1, 5))))
    states = answer.states if answer.cell_states is None else answer.cell_states
    ratios = states[::-1, 0, 0] / states[-1, 0, 0]
    np.testing.assert_allclose(ratios, kept(cell, network, inputs), rtol=1e-12)


class Crossed(Cell):
    """Two states that feed each other: h' = W h + c + U x, c' = 2 h + U x; the output reads both."""

    name = "crossed"
    source = "this test"
    states = ("h", "c")
    activations = ("identity",)

    def parameters(self, inputs, units):
        return {"w": Parameter((units, units), units), "u": Parameter((units, inputs), inputs)}

    def step(self, xp, p, x, h, c):
        read = xp.linear(x, p.u)
        return xp.state("h", xp.linear(h, p.w) + c + read), xp.state("c", 2 * h + read)

    def output(self, xp, p, x, h, c):
        return h + xp.linear(c, p.w)


def test_the_jacobian_of_two_states_is_of_both(monkeypatch):
    with_it = MappingProxyType({**installed(), "crossed": Crossed()})
    monkeypatch.setattr("gradsuite.cells.installed", lambda: with_it)
    model = model_of("crossed", "identity", 4)
    network = initialise(model, Initialisation("normal"))
    (found,) = products(EveryCell(), model, [network], 3, device="cpu", dtype="float64")
    step = np.block([[network["w_l0"], np.eye(4)], [2 * np.eye(4), np.zeros((4, 4))]])
    for lag in range(4):
        np.testing.assert_allclose(found.jacobians[lag], np.linalg.matrix_power(step, lag), atol=1e-11)


def test_every_claim_holds_and_bites():
    assert not_biting(JacobianSpectrum(), FAULTS) == []


def test_what_has_no_gradient_or_no_law_is_left_out():
    experiment = JacobianSpectrum()
    trials = experiment.trials(experiment.grid("quick", {"cell": ["rnn", "lstm", "gru", "ln-rnn", "mingru", "lru"]}))
    kinds = {(at["cell"], at["activation"], at["initialiser"]) for at in trials}
    both = ("identity", "tanh")
    assert kinds == {
        *((cell, phi, how) for cell in ("rnn", "ln-rnn") for phi in both for how in ("normal", "orthogonal")),
        *((cell, "tanh", how) for cell in ("lstm", "gru") for how in ("normal", "zero")),
        ("mingru", "tanh", "normal"),
        ("lru", "identity", "normal"),
    }


def test_figures_are_drawn_of_a_part_of_the_networks():
    rows = measured(JacobianSpectrum(), cell=["rnn"], activation=["tanh"])
    with style.context():
        fans, density = JacobianSpectrum().figures(rows, decisive(JacobianSpectrum().claims(rows)))
    drawn = [axes.get_title() for axes in fans.figure.axes if axes.collections]
    assert drawn == ["tanh rnn, orthogonal", "tanh rnn, Gaussian"]
    assert density.figure.get_suptitle().endswith("1 of 1 claims hold")
