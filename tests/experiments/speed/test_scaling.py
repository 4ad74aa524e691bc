"""Scaling: sizes one at a time, and exponents of rows made by hand."""

import numpy as np
import pandas as pd
import pytest
from gradsuite.measuring import timing
from gradsuite.parameters import initialise
from gradsuite.report import style
from gradsuite_experiments.common.seeds import batch_rng
from gradsuite_experiments.speed import workloads
from gradsuite_experiments.speed.scaling.experiment import Scaling
from gradsuite_experiments.speed.scaling.findings import exponent, medians
from gradsuite_experiments.speed.scaling.laws import BASE, model_of, operations, sizes_of, slope
from gradsuite_numpy.backend import NumpyBackend

POWERS = {"length": 1.0, "batch_size": 0.8, "hidden_size": 1.7, "num_layers": 1.1}


def frame():
    experiment = Scaling()
    return pd.DataFrame(
        {**trial, "backend": "numpy", "status": "ok", "metric": "gradient", "index": index,
         "value": (1 + 0.01 * index) * trial["multiple"] ** POWERS[trial["along"]]}
        for trial in experiment.trials(experiment.grid("standard", {})) for index in range(3)
    )  # fmt: skip


def test_one_size_at_a_time_is_multiplied():
    sizes = sizes_of({"cell": "lstm", "along": "hidden_size", "multiple": 4})
    assert {name: sizes[name] for name in BASE} == {**BASE, "hidden_size": 4 * BASE["hidden_size"]}


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_no_gradient_vanishes_into_subnormal_numbers(cell):
    sizes = sizes_of({"cell": cell, "along": "length", "multiple": 8}) | {"batch_size": 2, "hidden_size": 16}
    model = model_of(sizes)
    network = NumpyBackend().build(model, initialise(model, seed=0), dtype="float32")
    tape = network.forward(network.put(workloads.batch(model, sizes, batch_rng(0))), states=True)
    assert np.abs(network.fetch(network.backward(tape).states)).min() > np.finfo(np.float32).tiny


def test_exponents_are_those_of_the_rows():
    curves = medians(frame())
    for along, power in POWERS.items():
        assert exponent(curves[curves["along"] == along]) == pytest.approx(power)


def test_operations_grow_with_t_and_b_in_proportion_and_with_h_nearly_squared():
    work = {along: [operations("lstm", along, k) for k in (1, 2, 4)] for along in BASE}
    # The input projection grows with H only once.
    assert slope([1, 2, 4], work["length"]) == pytest.approx(1)
    assert slope([1, 2, 4], work["batch_size"]) == pytest.approx(1)
    assert 1.7 < slope([1, 2, 4], work["hidden_size"]) < 2
    assert 1 < slope([1, 2, 4], work["num_layers"]) < 1.5  # upper layers read H = 128 and not I = 64, and send back


def test_gradients_are_timed_once_a_round(monkeypatch):
    monkeypatch.setattr(timing.Timer, "warm_up", lambda self: 0)
    (settings,) = Scaling().trials(Scaling().grid("quick", {"along": ["length"], "multiple": [1], "rounds": [2]}))
    first, warm, *samples = Scaling().measure(NumpyBackend(), "cpu", settings)
    assert ([row.metric for row in first], warm) == (["gradient_first"], [])
    assert [[(row.metric, row.index) for row in rows] for rows in samples] == [[("gradient", 0)], [("gradient", 1)]]


def test_figure_and_table():
    rows = frame()
    with style.context():
        assert [figure.name for figure in Scaling().figures(rows, [])] == ["scaling"]
    (table,) = Scaling().tables(rows, [])
    assert table.rows["numpy"].tolist() == ["1.00", "0.80", "1.70", "1.10"]
    empty = rows.assign(status="error", metric=None)
    assert not [*Scaling().figures(empty, []), *Scaling().tables(empty, [])]
