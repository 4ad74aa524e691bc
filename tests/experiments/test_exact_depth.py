"""Exact laws of depth: each claim holds, and fails with a fault; the figure says which."""

import numpy as np
from gradsuite.report import style
from gradsuite_experiments.exact_depth.experiment import ExactDepth

from tests.experiments.laboratory import (
    RIGHT,
    Fault,
    blind,
    layer_gradients,
    measured,
    not_biting,
    states,
    verdicts,
    weights,
)

GAIN = Fault("every weight 4% too large", parameters=weights(1.04))
# Doubling ln |dL/dh| of every layer keeps the critical networks critical and quadruples the variance.
SQUARED = Fault("gradients squared", gradients=states(lambda g: g * abs(g).max(axis=-1, keepdims=True)))
FAULTS = {
    "exact-depth/linear/mean": GAIN,
    "exact-depth/linear/variance": SQUARED,
    "exact-depth/relu/mean": GAIN,
    "exact-depth/relu/variance": SQUARED,
    "exact-depth/orthogonal/gain": Fault("weights wrong in the seventh digit", parameters=weights(1 + 1e-7)),
}


def squared_gradients(factor):
    """Multiply the squared gradient by a factor per layer."""
    return layer_gradients(factor**0.5)


def spread_gradients(factor):
    """Multiply the variance of the squared gradient's logarithm: that logarithm by the root of the factor."""

    def change(gradients):
        norms = np.linalg.norm(gradients, axis=-1, keepdims=True)
        return gradients * (norms / norms[..., -1:, :, :]) ** (factor**0.5 - 1.0)

    return Fault(f"variance x {factor}", gradients=states(change))


def test_every_claim_notices_a_fault_of_the_size_that_it_states():
    resolved = {
        "exact-depth/linear/mean": squared_gradients,
        "exact-depth/linear/variance": spread_gradients,
        "exact-depth/relu/mean": squared_gradients,
        "exact-depth/relu/variance": spread_gradients,
        "exact-depth/orthogonal/gain": layer_gradients,
    }
    assert blind(ExactDepth(), resolved, relative_gain=[0.9], hidden_size=[16]) == []


def test_every_claim_holds_and_bites():
    assert not_biting(ExactDepth(), FAULTS) == []


def test_the_title_says_what_came_out():
    experiment, titles = ExactDepth(), []
    for fault in (RIGHT, GAIN):
        rows = measured(experiment, fault, relative_gain=[1.0])
        with style.context():
            (figure,) = experiment.figures(rows, list(verdicts(experiment, rows).values()))
        titles.append(figure.figure.get_suptitle())
    assert titles[0].endswith("5 of 5 claims hold")
    assert "broken" in titles[1]
    assert "not on numpy" in titles[1]
