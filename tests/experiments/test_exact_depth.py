"""Exact laws of depth: each claim holds, and fails with a fault; the figure says which."""

from gradsuite.report import style
from gradsuite_experiments.exact_depth.experiment import ExactDepth

from tests.experiments.laboratory import RIGHT, Fault, measured, not_biting, states, verdicts, weights

GAIN = Fault("every weight 8% too large", parameters=weights(1.08))
# Doubling ln |dL/dh| of every layer keeps the critical networks critical and quadruples the variance.
SQUARED = Fault("gradients squared", gradients=states(lambda g: g * abs(g).max(axis=-1, keepdims=True)))
FAULTS = {
    "exact-depth/linear/mean": GAIN,
    "exact-depth/linear/variance": SQUARED,
    "exact-depth/relu/mean": GAIN,
    "exact-depth/relu/variance": SQUARED,
    "exact-depth/orthogonal/gain": Fault("weights wrong in the seventh digit", parameters=weights(1 + 1e-7)),
}


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
