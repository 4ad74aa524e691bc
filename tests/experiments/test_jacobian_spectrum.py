"""The Jacobian's singular values: each claim holds, and fails with a fault; what is measured, and where."""

from gradsuite_experiments.jacobian_spectrum.experiment import JacobianSpectrum

from tests.experiments.laboratory import Fault, not_biting, weights

DIGIT = Fault("recurrent weights wrong in the ninth digit", parameters=weights(1 + 1e-9, "weight_hh"))
INPUTS = Fault("input weights wrong in the ninth digit", parameters=weights(1 + 1e-9, "weight_ih"))
LARGE = Fault("recurrent weights a quarter too large", parameters=weights(1.25, "weight_hh"))


def smooth(parameters):
    """Average the recurrent weights of neighbouring units: their entries are no longer independent."""
    weight = parameters["weight_hh_l0"]
    return {**parameters, "weight_hh_l0": (weight + 0.8 * (weight[..., ::-1, :])) / 1.64**0.5}


SMOOTH = Fault("rows of the recurrent weights depend on one another", parameters=smooth)
FAULTS = {
    "Linear RNN, orthogonal: every singular value of dh_T/dh_t is 1 at every lag.": DIGIT,
    "Tanh RNN, orthogonal: no singular value of dh_T/dh_t exceeds 1.": LARGE,
    "lstm, no recurrent weights: the singular values of dc_T/dc_t are the gates' products.": INPUTS,
    "gru, no recurrent weights: the singular values of dh_T/dh_t are the gates' products.": INPUTS,
    "Linear RNN, Gaussian: the mean squared singular value stays 1 while k^2 is far below N.": LARGE,
    "Linear RNN, Gaussian: the largest singular value of a step is that of the Tracy-Widom law.": LARGE,
    "Linear RNN, Gaussian: the singular values of a step have the quarter-circle density.": LARGE,
    "Linear RNN, Gaussian: E s^4 / (E s^2)^2 of the singular values is k + 1 after k steps.": SMOOTH,
}


def test_every_claim_holds_and_bites():
    assert not_biting(JacobianSpectrum(), FAULTS) == []


def test_what_has_no_gradient_or_no_law_is_left_out():
    found = {
        (cell["network"], cell["weights"]) for cell in JacobianSpectrum().cells(JacobianSpectrum().grid("quick", {}))
    }
    assert found == {
        (network, weights)
        for network in ("linear", "tanh", "lstm", "gru")
        for weights in ("normal", "zero" if network in ("lstm", "gru") else "orthogonal")
    }
