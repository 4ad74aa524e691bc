"""The jax backend's gradients against torch.nn with autograd, and against jax.grad of a plain loop."""

from itertools import cycle, product

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.errors import Unsupported
from gradsuite.model import ACTIVATIONS, CELLS, LOSSES, READOUTS, Model
from gradsuite.parameters import initialise

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")

from gradsuite_jax import worker_environment  # noqa: E402
from gradsuite_jax.backend import JaxBackend  # noqa: E402

from tests.torch_twin import loss_and_gradients  # noqa: E402

# Sums of at most a few hundred float64 products, each exact to 1.1e-16, through at most 13 steps and 3 layers.
TOLERANCE = 1e-11
SHAPES = ((7, 3, 2, 5), (1, 1, 1, 1), (2, 1, 5, 3), (13, 2, 1, 4), (1, 4, 3, 2), (5, 5, 4, 1))  # T, B, I, H


def cases():
    """Yield a model for every cell, depth, readout and loss, and a shape for each in turn."""
    shapes = cycle(SHAPES)
    for cell, layers, readout, loss in product(CELLS, (1, 3), READOUTS, LOSSES):
        if cell != "mlp" or readout != "all":
            steps, batch, inputs, hidden = next(shapes)
            outputs = 0 if readout == "none" else 3
            yield Model(cell, inputs, hidden, outputs, layers, "tanh", readout, loss), steps, batch
    for cell, steps in (("mlp", 1), ("rnn", 6)):
        for activation in set(ACTIVATIONS[cell]) - {"tanh"}:
            yield Model(cell, 3, 5, 2, 2, activation), steps, 4


def label(value):
    if not isinstance(value, Model):
        return str(value)
    parts = (value.cell, value.activation, f"{value.num_layers}x{value.hidden_size}", value.readout, value.loss)
    return "-".join(parts)


def random_batch(model, steps, batch, seed=0):
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((steps, batch, model.input_size) if model.recurrent else (batch, model.input_size))
    shape = model.targets_shape(inputs.shape)
    classes = model.loss == "cross_entropy"
    return Batch(inputs, rng.integers(0, model.output_width, shape) if classes else rng.standard_normal(shape))


def relative_error(found, expected):
    assert found.shape == expected.shape
    return np.linalg.norm(found - expected) / (np.linalg.norm(expected) or 1.0)


def run(model, parameters, batch, dtype="float64", states=True):
    network = JaxBackend().build(model, parameters, dtype=dtype)
    tape = network.forward(network.put(batch), states=states)
    return network.fetch(tape.loss), network.fetch(tape.outputs), network.fetch_gradients(network.backward(tape))


@pytest.mark.parametrize(("model", "steps", "batch"), list(cases()), ids=label)
def test_gradients_are_torchs(model, steps, batch):
    parameters, data = initialise(model, seed=3), random_batch(model, steps, batch)
    loss, outputs, gradients = run(model, parameters, data)
    expected_loss, expected_outputs, expected = loss_and_gradients(model, parameters, data)
    assert relative_error(loss, expected_loss) <= TOLERANCE
    assert relative_error(outputs, expected_outputs) <= TOLERANCE
    assert gradients.parameters.keys() == expected.parameters.keys()
    for name, gradient in gradients.parameters.items():
        assert relative_error(gradient, expected.parameters[name]) <= TOLERANCE, name
    assert relative_error(gradients.states, expected.states) <= TOLERANCE
    assert (gradients.cell_states is None) == (model.cell != "lstm")


def naive_loss(parameters, nudges, x, target):
    """Return the loss of an LSTM in a Python loop; the gradients by the nudges are those by h_t and c_t."""
    h = c = jax.numpy.zeros(nudges[0].shape[1:])
    for x_t, nudge_h, nudge_c in zip(x, *nudges, strict=True):
        gates = parameters["weight_ih_l0"] @ x_t + parameters["weight_hh_l0"] @ h
        i, f, g, o = (gates + parameters["bias_ih_l0"] + parameters["bias_hh_l0"]).reshape(4, -1)
        c = c / (1 + jax.numpy.exp(-f)) + jax.numpy.tanh(g) / (1 + jax.numpy.exp(-i)) + nudge_c
        h = jax.numpy.tanh(c) / (1 + jax.numpy.exp(-o)) + nudge_h
    return ((parameters["readout.weight"] @ h + parameters["readout.bias"] - target) ** 2).mean()


def test_lstm_cell_states_are_those_of_jax_grad():
    model = Model("lstm", 2, 3, 2)
    parameters, batch = initialise(model, seed=1), random_batch(model, 4, 1)
    zeros = np.zeros((4, 3))
    arguments = parameters, (zeros, zeros), batch.inputs[:, 0], batch.targets[0]
    by_parameter, (by_h, by_c) = jax.jit(jax.grad(naive_loss, argnums=(0, 1)))(*arguments)
    gradients = run(model, parameters, batch)[2]
    for name, expected in by_parameter.items():
        assert relative_error(gradients.parameters[name], expected) <= TOLERANCE
    assert relative_error(gradients.states[:, 0, 0], by_h) <= TOLERANCE
    assert relative_error(gradients.cell_states[:, 0, 0], by_c) <= TOLERANCE


def test_state_gradients_are_given_only_when_asked_for():
    model = Model("lstm", 2, 3, 2)
    parameters, batch = initialise(model), random_batch(model, 4, 2)
    without, with_states = (run(model, parameters, batch, states=states)[2] for states in (False, True))
    assert without.states is None
    assert without.cell_states is None
    for name, gradient in without.parameters.items():
        assert relative_error(gradient, with_states.parameters[name]) <= TOLERANCE


@pytest.mark.parametrize(("dtype", "epsilon"), [("float32", 2**-23), ("bfloat16", 2**-7), ("float16", 2**-10)])
@pytest.mark.parametrize("cell", CELLS)
def test_lower_precisions_keep_their_dtype_and_stay_near(cell, dtype, epsilon):
    model = Model(cell, 3, 4, 2, loss="cross_entropy")
    parameters, batch = initialise(model), random_batch(model, 5, 3)
    loss, _, gradients = run(model, parameters, batch, dtype)
    expected = loss_and_gradients(model, parameters, batch)
    assert {str(array.dtype) for array in (loss, gradients.states, *gradients.parameters.values())} == {dtype}
    # About 10 rounded operations a step lie between an input and a gradient, over 5 steps there and 5 back: 100 epsilon
    # if every rounding went the same way.
    for name, gradient in gradients.parameters.items():
        assert relative_error(gradient.astype(np.float64), expected[2].parameters[name]) <= 100 * epsilon


def test_what_overflows_is_data():
    model = Model("rnn", 1, 1, activation="identity", readout="none", loss="inner_product")
    parameters = {name: np.full(array.shape, 1e30) for name, array in initialise(model).items()}
    loss, _, gradients = run(model, parameters, random_batch(model, 9, 1), "float32")
    assert not np.isfinite(loss)
    assert np.isinf(gradients.states[0])


def test_host_arrays_are_copied_and_never_changed():
    model = Model("gru", 2, 64, 2)
    parameters, batch = initialise(model), random_batch(model, 4, 64)
    network = JaxBackend().build(model, parameters, dtype="float64")
    on_device = network.put(batch)
    expected = network.fetch(network.forward(on_device).loss)
    kept = [array.copy() for array in (*parameters.values(), batch.inputs, batch.targets)]
    network.backward(network.forward(on_device))
    for array, before in zip((*parameters.values(), batch.inputs, batch.targets), kept, strict=True):
        np.testing.assert_array_equal(array, before)
        array[...] = np.nan
    network = JaxBackend().build(model, dict(zip(parameters, kept, strict=False)), dtype="float64")
    assert network.fetch(network.forward(on_device).loss) == expected


def test_two_calls_give_the_same_bits():
    model = Model("lstm", 3, 16, 2, 2, "tanh", "all")
    network = JaxBackend().build(model, initialise(model))
    batch = network.put(random_batch(model, 20, 8))
    first, second = (network.fetch_gradients(network.backward(network.forward(batch))) for _ in range(2))
    for name, gradient in first.parameters.items():
        np.testing.assert_array_equal(gradient, second.parameters[name])


def test_synchronize_waits_for_everything_started():
    model = Model("rnn", 8, 256, 2)
    network = JaxBackend().build(model, initialise(model))
    batch = network.put(random_batch(model, 200, 16))
    tapes = [network.forward(batch) for _ in range(3)]
    gradients = network.backward(tapes[0])
    network.synchronize()
    assert all(tape.loss.is_ready() and tape.outputs.is_ready() for tape in tapes)
    assert all(array.is_ready() for array in gradients.parameters.values())


def test_what_is_not_claimed_is_unsupported():
    with pytest.raises(Unsupported, match="no dtype 'int8'"):
        JaxBackend().build(model := Model("rnn", 1, 1, 1), initialise(model), dtype="int8")


def test_only_its_own_worker_gets_its_threads():
    assert worker_environment("jax", {"threads": 3})["NPROC"] == "3"
    assert worker_environment("numpy", {"threads": 3}) is None


def test_it_says_how_many_threads_xla_has(monkeypatch):
    monkeypatch.setenv("NPROC", worker_environment("jax", {"threads": 3})["NPROC"])
    assert JaxBackend().describe().libraries == ("jaxlib: XLA, threads: 3",)
