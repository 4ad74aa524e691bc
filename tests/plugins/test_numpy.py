"""The numpy backend against the oracle, and what it promises of memory, errors and non-finite numbers."""

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.comparator import compare
from gradsuite.model import ACTIVATIONS, CELLS, LOSSES, READOUTS, Model
from gradsuite.oracle import differentiate
from gradsuite.parameters import initialise
from gradsuite_numpy.backend import NumpyBackend
from hypothesis import given, settings
from hypothesis import strategies as st

# Sums of at most a few dozen float64 products, each right to 1.1e-16, through at most 6 steps and 3 layers.
TOLERANCE = 1e-13


def random_batch(model, steps, batch, seed=0, lead=()):
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((steps, batch, model.input_size) if model.recurrent else (batch, model.input_size))
    shape = (*lead, *model.targets_shape(inputs.shape))
    classes = model.loss == "cross_entropy"
    inputs = rng.standard_normal((*lead, *inputs.shape))
    return Batch(inputs, rng.integers(0, model.output_width, shape) if classes else rng.standard_normal(shape))


def run(model, parameters, batch, *, states=True, dtype="float64", **options):
    """Return loss, outputs and gradients of one pass by name."""
    network = NumpyBackend().build(model, parameters, dtype=dtype, **options)
    tape = network.forward(network.put(batch), states=states)
    gradients = network.backward(tape)
    found = {"loss": tape.loss, "outputs": tape.outputs, **gradients.parameters}
    found |= {"states": gradients.states, "cell_states": gradients.cell_states}
    return {name: network.fetch(array) for name, array in found.items() if array is not None}


def assert_same(found, expected, bound=TOLERANCE):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert compare(found[name], array).within(bound), (name, compare(found[name], array))


def oracle(model, parameters, batch, **options):
    answer = differentiate(model, parameters, batch, **options)
    found = {"loss": answer.loss, "outputs": answer.outputs, **answer.parameters, "states": answer.states}
    return found | ({} if answer.cell_states is None else {"cell_states": answer.cell_states})


@st.composite
def problems(draw, cells=CELLS):
    """Draw a model, its parameters and a batch."""
    cell = draw(st.sampled_from(cells))
    readout = draw(st.sampled_from([r for r in READOUTS if cell != "mlp" or r != "all"]))
    sizes = st.integers(1, 4)
    model = Model(
        cell,
        input_size=draw(sizes),
        hidden_size=draw(sizes),
        output_size=0 if readout == "none" else draw(sizes),
        num_layers=draw(st.integers(1, 3)),
        activation=draw(st.sampled_from(ACTIVATIONS[cell])),
        readout=readout,
        loss=draw(st.sampled_from(LOSSES)),
    )
    seed = draw(st.integers(0, 99))
    return model, initialise(model, seed=seed), random_batch(model, draw(st.integers(1, 6)), draw(sizes), seed)


@settings(max_examples=60, derandomize=True)
@given(problems())
def test_every_gradient_is_the_oracles(problem):
    assert_same(run(*problem), oracle(*problem))


@pytest.mark.parametrize(("dtype", "epsilon"), [("float32", 2**-23), ("float16", 2**-10)])
@pytest.mark.parametrize("cell", CELLS)
def test_lower_precisions_keep_their_dtype_and_stay_near(cell, dtype, epsilon):
    model = Model(cell, 3, 4, 2, num_layers=2, loss="cross_entropy")
    parameters, batch = initialise(model), random_batch(model, 5, 3)
    found = run(model, parameters, batch, dtype=dtype)
    assert {array.dtype for array in found.values()} == {np.dtype(dtype)}
    # About 10 rounded operations a step lie between an input and a gradient, over 5 steps there and 5 back: 100 epsilon
    # if every rounding went the same way.
    assert_same(found, run(model, parameters, batch), bound=100 * epsilon)


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
    found = run(model, parameters, batch)
    assert np.isnan(found["loss"])
    assert np.isfinite(found["outputs"][1]).all()  # the other example of the batch
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
    found = run(model, parameters, Batch(np.ones((1, 1)), np.ones((1, 1))))
    assert found["states"][0, 0, 0] == np.inf
    assert found["layers.0.bias"].tolist() == [0.0, 1.0]
