"""The rate of matrix products, which the host measures for itself, on NumPy's backend and on a known clock."""

import numpy as np
import pytest
from gradsuite import hookimpl
from gradsuite.measuring import cost, timing
from gradsuite.measuring.gemm import CORES, PROBE, RATE, SUBNORMAL, Products, linear, probe
from gradsuite.plugins import Plugins
from gradsuite_numpy.backend import NumpyBackend


@pytest.fixture(autouse=True)
def a_tenth_of_a_second_per_call(monkeypatch):
    monkeypatch.setattr(timing.Timer, "warm_up", lambda self: 0)
    monkeypatch.setattr(timing.Timer, "_seconds", lambda self, repetitions: 0.1 * repetitions)


def test_a_linear_layer_is_two_products():
    assert cost.flops(linear(32), (32, 32)) == 2 * 2 * 32**3


def test_the_rate_is_operations_over_seconds_once_per_round():
    warm, *rounds = probe(NumpyBackend(), "cpu", {"size": 32, "rounds": 3})
    assert warm == []
    assert [[row.metric for row in rows] for rows in rounds] == [[RATE, CORES]] * 3
    assert [row.value for rows in rounds for row in rows if row.metric == RATE] == [
        pytest.approx(2 * 2 * 32**3 / 0.1)
    ] * 3
    assert [{row.index for row in rows} for rows in rounds] == [{0}, {1}, {2}]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_subnormal_numbers_are_subnormal_in_every_precision(dtype):
    inputs = np.abs(Products(size=64, dtype=dtype, numbers=SUBNORMAL).batch().inputs.astype(dtype))
    assert (inputs < np.finfo(dtype).tiny).all()
    assert np.median(inputs) > 0


class Taking:
    """A plugin that registers an experiment under the host's name."""

    @hookimpl
    def register_experiments(self, register):
        register(PROBE, "anywhere:Anything")


def test_no_plugin_can_take_the_name_under_which_the_host_measures():
    plugins = Plugins({"taking": Taking()})
    assert not plugins.experiments
    assert [broken.name for broken in plugins.broken] == ["taking"]
