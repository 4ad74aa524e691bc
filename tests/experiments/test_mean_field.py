"""Mean field for depth: the plane's cells, claims that hold and bite, and the variance that layers start at."""

import math

import numpy as np
import pytest
from gradsuite.theory.mean_field import MeanField
from gradsuite_experiments.mean_field.experiment import MeanFieldDepth, directions, start

from tests.experiments.laboratory import Fault, not_biting, states, weights

GAIN = Fault("every weight 15% too large", parameters=weights(1.15))
UNIT = Fault("gradients that do not shrink", gradients=states(lambda g: g / np.linalg.norm(g, axis=-1, keepdims=True)))
SLOPES = "ln |dL/dh|^2 changes by ln chi_1 a layer all over the plane."
FAULTS = {
    **{f"{activation}: {SLOPES}": GAIN for activation in ("tanh", "relu", "sigmoid", "identity")},
    **{
        f"{weights} initialisation, {activation}: |dL/dh|^2 changes by chi_1 a layer.": GAIN
        for weights in ("default", "xavier", "he", "orthogonal")
        for activation in ("tanh", "relu")
    },
    "sigmoid: |dL/dh|^2 shrinks to at most sigma_w^2 / 16 in every layer.": UNIT,
    "tanh at sigma_w = 1 without biases: critical, yet |dL/dh|^2 falls like 1 / L.": GAIN,
}


def test_every_claim_holds_and_bites():
    assert not_biting(MeanFieldDepth(), FAULTS) == []


def test_the_plane_is_measured_for_tanh_and_each_initialisation_once():
    experiment = MeanFieldDepth()
    cells = list(experiment.trials(experiment.grid("standard", {})))
    plane = [cell for cell in cells if cell["weights"] == "normal"]
    assert len(plane) == 3 * 2 + 3 * 3  # sigma_w by sigma_b for tanh, sigma_w for three others
    assert len(cells) - len(plane) == 4 * 2  # initialisations by activations
    assert len({tuple(cell.items()) for cell in cells}) == len(cells)


@pytest.mark.parametrize(
    ("activation", "sigma_w", "sigma_b"), [("tanh", 1.5, 0.3), ("relu", 2.0, 0.5), ("tanh", 0.5, 0.0)]
)
def test_the_first_layer_is_given_the_variance_it_should_have(activation, sigma_w, sigma_b):
    at = {"activation": activation, "sigma_w": sigma_w, "sigma_b": sigma_b}
    q = MeanField(activation, sigma_w, sigma_b).fixed_point()
    wanted = q if 0 < q < math.inf else sigma_w**2 + sigma_b**2
    batch = directions(40, 3, start(at) - sigma_b**2, sigma_w)
    assert sigma_w**2 * (batch.inputs**2).mean(axis=1) + sigma_b**2 == pytest.approx(wanted)
    assert batch.targets @ batch.targets.T == pytest.approx(np.eye(3), abs=1e-12)
