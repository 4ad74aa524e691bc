"""The Jacobian's singular values: each claim holds, and fails with a fault; what is measured, and where."""

import numpy as np
from gradsuite.claims import decisive
from gradsuite.report import style
from gradsuite_experiments.jacobian_spectrum.experiment import JacobianSpectrum
from scipy.optimize import brentq

from tests.experiments.laboratory import Fault, blind, measured, not_biting, state_gradients, states, weights

DIGIT = Fault("recurrent weights wrong in the ninth digit", parameters=weights(1 + 1e-9, "weight_hh"))
INPUTS = Fault("input weights wrong in the ninth digit", parameters=weights(1 + 1e-9, "weight_ih"))
LARGE = Fault("recurrent weights a quarter too large", parameters=weights(1.25, "weight_hh"))


def smooth(parameters):
    """Average the recurrent weights of neighbouring units: their entries are no longer independent."""
    weight = parameters["weight_hh_l0"]
    return {**parameters, "weight_hh_l0": (weight + 0.8 * (weight[..., ::-1, :])) / 1.64**0.5}


SMOOTH = Fault("rows of the recurrent weights depend on one another", parameters=smooth)
FAULTS = {
    "jacobian-spectrum/isometry": DIGIT,
    "jacobian-spectrum/bound": LARGE,
    "jacobian-spectrum/gates/lstm": INPUTS,
    "jacobian-spectrum/gates/gru": INPUTS,
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
    assert blind(JacobianSpectrum(), resolved, network=["linear"], lags=[2]) == []


def test_every_exact_claim_notices_a_fault_of_the_size_that_it_states():
    resolved = {f"jacobian-spectrum/{claim}": state_gradients for claim in ("bound", "gates/lstm", "gates/gru")}
    assert blind(JacobianSpectrum(), resolved, network=["tanh", "lstm", "gru"], lags=[4], seeds=[4]) == []


def test_every_claim_holds_and_bites():
    assert not_biting(JacobianSpectrum(), FAULTS) == []


def test_what_has_no_gradient_or_no_law_is_left_out():
    experiment = JacobianSpectrum()
    kinds = {(at["network"], at["initialiser"]) for at in experiment.trials(experiment.grid("quick", {}))}
    assert kinds == {
        (network, initialiser)
        for network in ("linear", "tanh", "lstm", "gru")
        for initialiser in ("normal", "zero" if network in ("lstm", "gru") else "orthogonal")
    }


def test_figures_are_drawn_of_a_part_of_the_networks():
    rows = measured(JacobianSpectrum(), network=["tanh"])
    with style.context():
        fans, density = JacobianSpectrum().figures(rows, decisive(JacobianSpectrum().claims(rows)))
    drawn = [bool(axes.collections) for axes in fans.figure.axes]
    assert drawn == [False, True, False, False, True, False]
    assert density.figure.get_suptitle().endswith("1 of 1 claims hold")
