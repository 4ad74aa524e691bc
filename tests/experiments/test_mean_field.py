"""Mean field for depth: the plane's trials, claims that hold and bite, and the variance that layers start at."""

import math

import numpy as np
import pytest
from gradsuite.report import style
from gradsuite.theory.mean_field import MeanField
from gradsuite_experiments.mean_field.experiment import MeanFieldDepth, directions
from gradsuite_experiments.mean_field.laws import ratios, slope, start

from tests.experiments.laboratory import Fault, blind, layer_gradients, measured, not_biting, states, verdicts, weights

GAIN = Fault("every weight 15% too large", parameters=weights(1.15))
UNIT = Fault("gradients that do not shrink", gradients=states(lambda g: g / np.linalg.norm(g, axis=-1, keepdims=True)))
FAULTS = {
    **{f"mean-field/plane/{activation}": GAIN for activation in ("tanh", "relu", "sigmoid", "identity")},
    **{
        f"mean-field/initialiser/{initialiser}/{activation}": GAIN
        for initialiser in ("default", "xavier", "he", "orthogonal")
        for activation in ("tanh", "relu")
    },
    **{f"mean-field/residual/{activation}": UNIT for activation in ("tanh", "sigmoid", "identity")},
    "mean-field/sigmoid-bound": UNIT,
    "mean-field/critical": GAIN,
}


def squared_gradients(factor):
    """Multiply the squared gradient by a factor per layer."""
    return layer_gradients(factor**0.5)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_every_claim_notices_a_fault_of_the_size_that_it_states(activation):
    claims = ("plane/tanh", "critical") if activation == "tanh" else ("plane/sigmoid", "sigmoid-bound")
    resolved = {f"mean-field/{claim}": squared_gradients for claim in claims}
    small = {"cell": ["mlp"], "initialiser": ["normal"], "sigma_w": [1.0], "sigma_b": [0.0], "hidden_size": [64]}
    assert blind(MeanFieldDepth(), resolved, activation=[activation], **small) == []


def test_every_claim_about_residual_layers_notices_a_fault_of_the_size_that_it_states():
    resolved = {
        f"mean-field/residual/{activation}": squared_gradients for activation in ("tanh", "sigmoid", "identity")
    }
    small = {"cell": ["residual"], "sigma_w": [1.0], "sigma_b": [0.0], "hidden_size": [64], "num_layers": [8]}
    assert blind(MeanFieldDepth(), resolved, **small) == []


def test_every_initialisation_notices_a_fault_of_the_size_that_it_states():
    resolved = {f"mean-field/initialiser/he/{activation}": squared_gradients for activation in ("tanh", "relu")}
    assert blind(MeanFieldDepth(), resolved, initialiser=["he"], activation=["tanh", "relu"], hidden_size=[64]) == []


def test_every_claim_holds_and_bites():
    assert not_biting(MeanFieldDepth(), FAULTS) == []


def test_the_plane_is_measured_for_tanh_and_each_initialisation_once():
    experiment = MeanFieldDepth()
    trials = list(experiment.trials(experiment.grid("standard", {})))
    residual = [trial for trial in trials if trial["cell"] == "residual"]
    assert len(residual) == 3 * 3  # sigma_w by activations whose slope is even
    trials = [trial for trial in trials if trial["cell"] == "mlp"]
    plane = [trial for trial in trials if trial["initialiser"] == "normal"]
    assert len(plane) == 3 * 2 + 3 * 3  # sigma_w by sigma_b for tanh, sigma_w for three others
    assert len(trials) - len(plane) == 4 * 2  # initialisations by activations
    assert len({tuple(trial.items()) for trial in trials}) == len(trials)


@pytest.mark.parametrize(
    ("activation", "sigma_w", "sigma_b"), [("tanh", 1.5, 0.3), ("relu", 2.0, 0.5), ("tanh", 0.5, 0.0)]
)
def test_the_first_layer_is_given_the_variance_it_should_have(activation, sigma_w, sigma_b):
    at = {"cell": "mlp", "activation": activation, "sigma_w": sigma_w, "sigma_b": sigma_b}
    q = MeanField(activation, sigma_w, sigma_b).fixed_point()
    wanted = q if 0 < q < math.inf else sigma_w**2 + sigma_b**2
    batch = directions(40, 3, start(at) - sigma_b**2, sigma_w)
    assert sigma_w**2 * (batch.inputs**2).mean(axis=1) + sigma_b**2 == pytest.approx(wanted)
    assert batch.targets @ batch.targets.T == pytest.approx(np.eye(3), abs=1e-12)


@pytest.mark.parametrize("cell", ["mlp", "residual"])
def test_the_line_by_layer_ends_where_the_slope_says(cell):
    at = {"cell": cell, "activation": "tanh", "sigma_w": 1.0, "sigma_b": 0.0, "num_layers": 12}
    assert len(ratios(at)) == 12
    assert math.log(ratios(at)[-1]) == pytest.approx(11 * slope(at))


def test_a_batch_larger_than_the_network_is_measured_with_gradients_orthonormal_in_sets():
    rows = measured(MeanFieldDepth(), initialiser=["normal"], hidden_size=[8], batch_size=[20], seeds=[2])
    assert set(rows["status"]) == {"ok"}
    assert np.isfinite(rows["value"]).all()
    targets = directions(8, 20, 1.0, 1.0).targets
    for first in (0, 8, 16):
        part = targets[first : first + 8]
        assert part @ part.T == pytest.approx(np.eye(len(part)), abs=1e-12)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"activation": ["relu"]}, ["mean-field-slopes"]),
        ({"activation": ["sigmoid"], "cell": ["residual"]}, ["mean-field-slopes"]),
        ({"activation": ["tanh"], "cell": ["residual"]}, ["mean-field-slopes", "mean-field-layers"]),
    ],
)
def test_figures_are_drawn_of_what_was_measured_with_tanh_or_without(changes, names):
    experiment = MeanFieldDepth()
    rows = measured(experiment, hidden_size=[16], num_layers=[4], seeds=[2], **changes)
    with style.context():
        assert [figure.name for figure in experiment.figures(rows, list(verdicts(experiment, rows).values()))] == names


def test_every_measured_point_is_drawn_open_where_the_gradient_vanishes():
    experiment = MeanFieldDepth()
    rows = measured(experiment, initialiser=["normal"], activation=["tanh"], hidden_size=[32], seeds=[2])
    with style.context():
        slopes, plane, layers = experiment.figures(rows, list(verdicts(experiment, rows).values()))
    whole, _ = slopes.figure.axes
    assert len(whole.collections[0].get_offsets()) == 2 * 2 + 2  # residual layers too, at one sigma_b
    filled, hollow = [part for part in plane.figure.axes[0].collections if len(part.get_offsets()) == 2]
    assert {x for x, _ in filled.get_offsets()} == {2.0}
    assert {x for x, _ in hollow.get_offsets()} == {1.0}
    assert len(hollow.get_facecolor()) == 0
    assert [axes.get_title() for axes in layers.figure.axes] == [
        "$\\sigma_b$ = 0",
        "$\\sigma_b$ = 0.5",
        "residual, $\\sigma_b$ = 0.5",
    ]
