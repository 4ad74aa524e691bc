"""One training, many curves: the twin against a backend of extended precision, and what turns the claim red."""

import numpy as np
import pandas as pd
import pytest
from gradsuite.oracle.differentiate import differentiate
from gradsuite.parameters import Initialisation, initialise
from gradsuite.plugins import load
from gradsuite.report import style
from gradsuite.tasks.synthetic.adding import Adding
from gradsuite_experiments.common.frames import spread
from gradsuite_experiments.same_curve import laws, twin
from gradsuite_experiments.same_curve.experiment import SameCurve

from tests.experiments.laboratory import Fault, measured, verdicts

EXPERIMENT = SameCurve(load())
SMALL = {"length": [8], "hidden_size": [4], "batch_size": [3], "updates": [30]}


def faulty(factor):
    def scaled(gradients):
        gradients.parameters = {name: factor * g for name, g in gradients.parameters.items()}
        return gradients

    return Fault(f"gradients times {factor}", gradients=scaled)


def test_the_twins_gradients_are_the_oracles():
    task = Adding()
    model = task.model("rnn", 4)
    parameters = initialise(model, Initialisation("normal", 1.5, bias_std=0.3), seed=1)
    batch = task.training_batch(0, 0, model, size=3, length=6)
    answer = differentiate(model, parameters, batch)
    loss, found = twin.gradients({name: p.astype(np.longdouble) for name, p in parameters.items()}, batch)
    assert float(loss) == pytest.approx(float(answer.loss), rel=1e-14)
    for name, gradient in answer.parameters.items():
        # Of some hundred operations in double precision on the oracle's side: 1e-13 of each array's norm.
        assert np.linalg.norm(found[name] - gradient) <= 1e-13 * np.linalg.norm(gradient), name


def test_a_right_backend_has_the_twins_curve():
    rows = measured(EXPERIMENT, preset="standard", regime=[laws.STABLE], **SMALL)
    (claim,) = verdicts(EXPERIMENT, rows).values()
    assert claim.verdict == "holds"
    assert claim.measured < 1e-14  # 30 losses of the order of 1, each off by some roundings


def test_the_claim_notices_a_factor_of_its_resolution():
    rows = measured(EXPERIMENT, preset="standard", regime=[laws.STABLE], **SMALL)
    (claim,) = verdicts(EXPERIMENT, rows).values()
    size = claim.resolution.size
    assert 0 < size < 1e-5
    for factor, verdict in ((1 + size, "fails"), (1 + size / 10, "holds")):
        fault = faulty(factor)
        (noticed,) = verdicts(
            EXPERIMENT, measured(EXPERIMENT, fault, preset="standard", regime=[laws.STABLE], **SMALL)
        ).values()
        assert noticed.verdict == verdict


def test_a_rate_is_that_of_the_growth():
    differences = 1e-16 * np.exp(0.2 * np.arange(200))
    assert laws.rate(differences) == pytest.approx(0.2)
    assert laws.rate(np.where(differences < 1, differences, 1.0)) == pytest.approx(0.2)
    assert np.isnan(laws.rate(np.zeros(50)))


def test_chaos_parts_curves_and_the_figure_says_so():
    rows = measured(EXPERIMENT, preset="standard")
    claims = list(verdicts(EXPERIMENT, rows).values())
    assert [claim.name for claim in claims] == ["same-curve/stable"]
    with style.context():
        (figure,) = EXPERIMENT.figures(rows, claims)
    assert figure.figure.get_suptitle().replace("\n", " ").endswith("1 of 1 claims hold")
    assert all(axes.lines for axes in figure.figure.axes)
    exact, parted = EXPERIMENT.findings(rows, claims)
    assert exact.startswith("Below criticality, losses of one training are exact to")
    assert "numpy after" in parted
    assert rows[rows["metric"] == laws.RATE]["value"].item() == pytest.approx(0.2, abs=0.1)


def test_seeds_are_told_as_a_range_and_a_curve_without_a_rate_has_none():
    assert spread([138, 9, 11], "d") == "9 to 138"
    assert spread([1.2401, 1.2399], ".3g") == "1.24"
    assert spread([], ".3g") == ""
    rows = measured(EXPERIMENT, preset="standard")
    rate = rows["metric"] == laws.RATE
    without = rows.assign(value=rows["value"].mask(rate, np.nan), seed=1)
    _, parted = EXPERIMENT.findings(pd.concat([rows, without]), [])
    assert "nan" not in parted
    _, parted = EXPERIMENT.findings(without, [])
    assert parted.startswith("Beyond criticality rounding grows, until curves")
