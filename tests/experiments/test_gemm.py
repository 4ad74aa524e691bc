"""The experiment of matrix products, on NumPy's backend and on a known clock."""

import pandas as pd
import pytest
from gradsuite.measuring import timing
from gradsuite.measuring.gemm import RATE
from gradsuite.report import style
from gradsuite_experiments.gemm.experiment import Gemm
from matplotlib.collections import PathCollection

from tests.experiments.laboratory import measured

EXPERIMENT = Gemm()


@pytest.fixture(autouse=True)
def a_tenth_of_a_second_per_call(monkeypatch):
    monkeypatch.setattr(timing.Timer, "warm_up", lambda self: 0)
    monkeypatch.setattr(timing.Timer, "_seconds", lambda self, repetitions: 0.1 * repetitions)


def test_what_subnormal_numbers_cost_is_a_finding_and_a_hollow_point():
    both = [measured(EXPERIMENT, size=[32], numbers=[numbers], rounds=[3]) for numbers in ("normal", "subnormal")]
    both[1] = both[1].assign(value=both[1]["value"].where(both[1]["metric"] != RATE, both[1]["value"] / 90))
    rows = pd.concat(both)
    sentences = list(EXPERIMENT.findings(rows, []))
    assert sentences[0].startswith("numpy reaches 0.00131 GFLOP/s")
    assert sentences[1:] == ["numpy's products take 90 times as long at size 32 where one factor is subnormal."]
    with style.context():
        (figure,) = EXPERIMENT.figures(rows, [])
    assert "hollow, with one factor subnormal" in figure.caption
    points = [drawn for drawn in figure.figure.axes[0].collections if isinstance(drawn, PathCollection)]
    assert [len(drawn.get_facecolor()) for drawn in points] == [1, 0]  # the second have none


def test_figure_and_findings_name_the_best():
    rows = measured(EXPERIMENT, size=[32, 64], rounds=[2])
    assert list(EXPERIMENT.findings(rows, [])) == ["numpy reaches 0.0105 GFLOP/s at size 64, 100% of the best."]
    with style.context():
        (figure,) = EXPERIMENT.figures(rows, [])
    assert figure.figure.get_suptitle().startswith("numpy reaches")
    nothing = rows.assign(status="error", metric=None)
    assert not [*EXPERIMENT.figures(nothing, []), *EXPERIMENT.findings(nothing, [])]
