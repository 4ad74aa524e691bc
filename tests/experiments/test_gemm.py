"""The rate of matrix products: flops over seconds of a linear layer, on NumPy's backend and on a known clock."""

import numpy as np
import pytest
from gradsuite import cost, timing
from gradsuite.report import style
from gradsuite_experiments.gemm import Gemm, linear

from tests.experiments.laboratory import measured

EXPERIMENT = Gemm()


@pytest.fixture(autouse=True)
def a_tenth_of_a_second_a_call(monkeypatch):
    monkeypatch.setattr(timing.Timer, "warm_up", lambda self: 0)
    monkeypatch.setattr(timing.Timer, "_seconds", lambda self, repetitions: 0.1 * repetitions)


def test_a_linear_layer_is_two_products():
    assert cost.flops(linear(32), (32, 32)) == 2 * 2 * 32**3


def test_the_rate_is_operations_over_seconds():
    rows = measured(EXPERIMENT, size=[32], rounds=[3])
    assert rows[rows["metric"] == "rate"]["value"].to_numpy() == pytest.approx(np.full(3, 2 * 2 * 32**3 / 0.1))
    assert (rows[rows["metric"] == "cores"]["value"] >= 0).all()


def test_figure_and_findings_name_the_best():
    rows = measured(EXPERIMENT, size=[32, 64], rounds=[2])
    assert list(EXPERIMENT.findings(rows)) == ["numpy reaches 0.0105 GFLOP/s at size 64, 100% of the best."]
    with style.context():
        (figure,) = EXPERIMENT.figures(rows)
    assert figure.figure.get_suptitle().startswith("numpy reaches")
    nothing = rows.assign(status="error", metric=None)
    assert not [*EXPERIMENT.figures(nothing), *EXPERIMENT.findings(nothing)]
