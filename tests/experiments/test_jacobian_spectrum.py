"""The Jacobian's singular values: each claim holds, and fails with a fault; what is measured, and where."""

from gradsuite.claims import decisive
from gradsuite.report import style
from gradsuite_experiments.jacobian_spectrum.experiment import JacobianSpectrum

from tests.experiments.laboratory import Fault, measured, not_biting, weights

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
