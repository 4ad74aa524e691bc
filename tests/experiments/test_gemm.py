"""The rate of matrix products: flops over seconds of a linear layer, on NumPy's backend and on a known clock."""

import numpy as np
import pandas as pd
import pytest
from gradsuite.measuring import cost, timing
from gradsuite.report import style
from gradsuite_experiments.gemm.experiment import Gemm, linear
from gradsuite_numpy.backend import NumpyBackend

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


def test_subnormal_numbers_are_subnormal_in_every_precision():
    class Watching(NumpyBackend):
        """Keeps the batch that it is given."""

        def build(self, *arguments, **options):
            network = super().build(*arguments, **options)
            put = network.put
            network.put = lambda batch: given.append(batch) or put(batch)
            return network

    for dtype in ("float32", "float64"):
        given = []
        settings = {"size": 64, "dtype": dtype, "numbers": "subnormal", "rounds": 1, "seed": 0}
        list(EXPERIMENT.measure(Watching(), "cpu", settings))
        inputs = np.abs(given[0].inputs.astype(dtype))
        assert (inputs < np.finfo(dtype).tiny).all()
        assert np.median(inputs) > 0


def test_what_subnormal_numbers_cost_is_a_finding_and_a_hollow_point():
    both = [measured(EXPERIMENT, size=[32], numbers=[numbers], rounds=[3]) for numbers in ("normal", "subnormal")]
    both[1] = both[1].assign(value=both[1]["value"].where(both[1]["metric"] != "rate", both[1]["value"] / 90))
    rows = pd.concat(both)
    found = list(EXPERIMENT.findings(rows))
    assert found[0].startswith("numpy reaches 0.00131 GFLOP/s")
    assert found[1:] == ["numpy's products take 90 times as long at size 32 where one factor is subnormal."]
    with style.context():
        (figure,) = EXPERIMENT.figures(rows)
    assert "hollow, with one factor subnormal" in figure.caption
    faces = [line.get_markerfacecolor() for line in figure.figure.axes[0].lines]
    assert faces.count("none") == 1
    assert len(faces) == 2


def test_figure_and_findings_name_the_best():
    rows = measured(EXPERIMENT, size=[32, 64], rounds=[2])
    assert list(EXPERIMENT.findings(rows)) == ["numpy reaches 0.0105 GFLOP/s at size 64, 100% of the best."]
    with style.context():
        (figure,) = EXPERIMENT.figures(rows)
    assert figure.figure.get_suptitle().startswith("numpy reaches")
    nothing = rows.assign(status="error", metric=None)
    assert not [*EXPERIMENT.figures(nothing), *EXPERIMENT.findings(nothing)]
