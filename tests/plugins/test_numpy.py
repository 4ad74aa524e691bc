"""The numpy backend against the oracle, and what it promises of memory, errors and non-finite numbers."""

from functools import partial

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.comparator import compare
from gradsuite.model import CELLS, Model
from gradsuite.parameters import initialise
from gradsuite_numpy.backend import NumpyBackend
from hypothesis import given, settings

from tests.plugins import passes
from tests.plugins.passes import assert_same, oracle, problems, random_batch

# Sums of at most a few dozen float64 products, each right to 1.1e-16, through 6 steps and 3 layers; some sums cancel.
TOLERANCE = 1e-12


run = partial(passes.run, NumpyBackend())


@settings(max_examples=60, derandomize=True)
@given(problems())
def test_every_gradient_is_the_oracles(problem):
    assert_same(run(*problem), oracle(*problem), TOLERANCE)


@pytest.mark.parametrize("scale", [1e-30, 1e30, 1e-200])
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_scale_with_the_loss(cell, scale):
    model = Model(cell, 2, 3, 2, num_layers=2, loss="inner_product")
    parameters, batch = initialise(model), random_batch(model, 5, 3)
    plain = run(model, parameters, batch)
    scaled = run(model, parameters, Batch(batch.inputs, batch.targets * scale))
    for name in plain.keys() - {"outputs"}:
        assert compare(scaled[name], plain[name] * scale).within(TOLERANCE)


@pytest.mark.parametrize("cell", CELLS)
def test_nan_and_overflow_come_back_without_a_warning(cell):
    model = Model(cell, 2, 3, 2, loss="inner_product")
    parameters, batch = initialise(model), random_batch(model, 4, 2)
    batch.inputs[..., 0, 0] = np.nan
    arrays = run(model, parameters, batch)
    assert np.isnan(arrays["loss"])
    assert np.isfinite(arrays["outputs"][1]).all()  # the other example of the batch
    huge = run(Model("rnn", 2, 3, activation="identity", output_size=2), *overflowing())
    assert np.isinf(huge["loss"])
    assert not np.isfinite(huge["weight_hh_l0"]).any()


def overflowing():
    model = Model("rnn", 2, 3, activation="identity", output_size=2)
    parameters = {name: np.full(array.shape, 1e200) for name, array in initialise(model).items()}
    batch = random_batch(model, 4, 2)
    return parameters, Batch(np.abs(batch.inputs), batch.targets)


def test_an_infinite_gradient_does_not_pass_a_closed_relu():
    model = Model("mlp", 1, 2, 1, activation="relu", loss="inner_product")
    parameters = {name: np.ones(array.shape) for name, array in initialise(model).items()}
    parameters["layers.0.bias"] = np.array([-5.0, 1.0])
    parameters["readout.weight"] = np.array([[np.inf, 1.0]])
    arrays = run(model, parameters, Batch(np.ones((1, 1)), np.ones((1, 1))))
    assert arrays["states"][0, 0, 0] == np.inf
    assert arrays["layers.0.bias"].tolist() == [0.0, 1.0]
