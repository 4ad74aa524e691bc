"""Every backend's gradients against torch.nn with autograd, and what each promises of memory and odd numbers."""

from itertools import cycle, product

import numpy as np
import pytest
from gradsuite.errors import Unsupported
from gradsuite.model import ACTIVATIONS, CELLS, LOSSES, READOUTS, Model
from gradsuite.parameters import initialise
from gradsuite.precision import UNIT_ROUNDOFF

from tests.plugins.passes import TOLERANCE, assert_same, random_batch, run, twin

SHAPES = ((7, 3, 2, 5), (1, 1, 1, 1), (2, 1, 5, 3), (13, 2, 1, 4), (1, 4, 3, 2), (5, 5, 4, 1))  # T, B, I, H
KINDS = [(cell, activation) for cell in CELLS for activation in ACTIVATIONS[cell]]


def asked(cell, activation, layers, readout, loss, shape):
    steps, size, inputs, hidden = shape
    model = Model(cell, inputs, hidden, 0 if readout == "none" else 3, layers, activation, readout, loss)
    return model, initialise(model, seed=3), random_batch(model, steps, size)


def cases():
    """Yield a problem for every cell, depth, readout, loss and activation, with the shapes in turn."""
    shapes = cycle(SHAPES)
    for cell, layers, readout, loss in product(CELLS, (1, 3), READOUTS, LOSSES):
        if cell != "mlp" or readout != "all":
            yield cell, ACTIVATIONS[cell][0], layers, readout, loss, next(shapes)
    for cell, activation in KINDS:
        if activation != ACTIVATIONS[cell][0]:
            yield cell, activation, 2, "last", "mse", next(shapes)


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: "-".join(map(str, case[:5])))
def test_gradients_are_autograds(backend, case):
    pytest.importorskip("torch")
    problem = asked(*case)
    arrays = run(backend, *problem)
    assert ("cell_states" in arrays) == (case[0] == "lstm")
    assert_same(arrays, twin(*problem))


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize(("cell", "activation"), KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_of_every_shape_are_autograds(eager, cell, activation, layers, shape):
    pytest.importorskip("torch")
    for readout, loss in product(READOUTS, LOSSES):
        if cell != "mlp" or readout != "all":
            problem = asked(cell, activation, layers, readout, loss, shape)
            assert_same(run(eager, *problem), twin(*problem))


@pytest.mark.parametrize("readout", ["last", "all"])
def test_cell_states_are_autograds(backend, readout):
    torch = pytest.importorskip("torch")
    model = Model("lstm", 2, 3, 2, num_layers=2, readout=readout, loss="inner_product")
    parameters, batch = initialise(model, seed=1), random_batch(model, 5, 4)
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in parameters.items()}
    sequence, cells = list(torch.tensor(batch.inputs)), []
    for layer in range(2):
        weights = [leaves[f"{role}_l{layer}"] for role in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        h = c = torch.zeros(4, 3, dtype=torch.float64)
        for t, x in enumerate(sequence):
            sequence[t], c = h, c = torch.lstm_cell(x, (h, c), *weights)
            cells.append(c)
    top = torch.stack(sequence) if readout == "all" else sequence[-1]
    outputs = top @ leaves["readout.weight"].T + leaves["readout.bias"]
    loss = (outputs * torch.tensor(batch.targets)).sum(-1).mean()
    expected = torch.stack(torch.autograd.grad(loss, cells, materialize_grads=True))
    expected = expected.reshape(2, 5, 4, 3).transpose(0, 1).numpy()
    assert_same({"c": run(backend, model, parameters, batch)["cell_states"]}, {"c": expected}, TOLERANCE)


@pytest.mark.parametrize("cell", CELLS)
def test_lower_precisions_keep_their_dtype_and_stay_near(backend, cell):
    model = Model(cell, 3, 4, 2, num_layers=2, loss="cross_entropy")
    parameters, batch = initialise(model), random_batch(model, 5, 3)
    exact = run(backend, model, parameters, batch)
    for dtype in set(backend.describe().dtypes) - {"float64"}:
        arrays = run(backend, model, parameters, batch, dtype=dtype)
        names = {array.dtype.name for array in arrays.values()}
        assert names == {dtype} or (dtype, names) == ("bfloat16", {"float32"})  # NumPy has no bfloat16
        # About 10 rounded operations per step lie between an input and a gradient, over 5 steps there and 5 back: 100
        # roundings if every one went the same way.
        assert_same(arrays, exact, 100 * 2 * UNIT_ROUNDOFF[dtype])


@pytest.mark.parametrize("cell", CELLS)
def test_state_gradients_are_given_only_when_asked_for(backend, cell):
    model = Model(cell, 2, 3, 2)
    parameters, batch = initialise(model), random_batch(model, 4, 2)
    plain, with_states = (run(backend, model, parameters, batch, states=states) for states in (False, True))
    assert with_states.keys() - plain.keys() == {"states", *(["cell_states"] if cell == "lstm" else [])}
    assert_same(plain, {name: with_states[name] for name in plain})


@pytest.mark.parametrize("states", [False, True])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_data(backend, cell, value, states):
    model = Model(cell, 2, 3, 1, activation="relu" if cell in ("mlp", "rnn") else "tanh")
    parameters = initialise(model)
    parameters["readout.weight"][0, 0] = value
    arrays = run(backend, model, parameters, random_batch(model, 4, 2), states=states, dtype="float32")
    assert not np.isfinite(arrays["loss"])
    assert not np.isfinite(arrays["readout.bias"]).any()


def test_what_overflows_is_data(backend):
    model = Model("rnn", 1, 1, activation="identity", readout="none", loss="inner_product")
    parameters = {name: np.full(array.shape, 1e30) for name, array in initialise(model).items()}
    arrays = run(backend, model, parameters, random_batch(model, 9, 1), dtype="float32")
    assert not np.isfinite(arrays["loss"])
    assert np.isinf(arrays["states"][0])


def test_host_arrays_are_copied_and_never_changed(backend):
    model = Model("gru", 2, 64, 2)
    parameters, batch = initialise(model), random_batch(model, 4, 64)
    network = backend.build(model, parameters, dtype="float64")
    on_device = network.put(batch)
    expected = network.fetch(network.forward(on_device).loss)
    host = (*parameters.values(), batch.inputs, batch.targets)
    copies = [array.copy() for array in host]
    network.backward(network.forward(on_device))
    for array, before in zip(host, copies, strict=True):
        np.testing.assert_array_equal(array, before)
        array[...] = np.nan
    network = backend.build(model, dict(zip(parameters, copies, strict=False)), dtype="float64")
    assert network.fetch(network.forward(on_device).loss) == expected


def test_two_calls_give_the_same_bits(backend):
    model = Model("lstm", 3, 16, 2, 2, "tanh", "all")
    network = backend.build(model, initialise(model))
    batch = network.put(random_batch(model, 20, 8))
    first, second = (network.fetch_gradients(network.backward(network.forward(batch))) for _ in range(2))
    for name, gradient in first.parameters.items():
        np.testing.assert_array_equal(gradient, second.parameters[name])


def test_what_is_not_claimed_is_refused(backend):
    model = Model("rnn", 1, 2, 1)
    with pytest.raises(Unsupported, match="no dtype 'int8'"):
        backend.build(model, initialise(model), dtype="int8")
    with pytest.raises(Unsupported, match="no device 'abacus'"):
        backend.build(model, initialise(model), device="abacus")
