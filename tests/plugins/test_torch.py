"""The torch backend's gradients against torch.nn with autograd, and what it promises of memory and odd numbers."""

from itertools import product

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.comparator import compare
from gradsuite.errors import Unsupported
from gradsuite.model import ACTIVATIONS, CELLS, LOSSES, READOUTS, Model
from gradsuite.parameters import initialise

torch = pytest.importorskip("torch")

from gradsuite_torch import products  # noqa: E402
from gradsuite_torch.backend import TorchBackend  # noqa: E402

from tests.torch_twin import loss_and_gradients, module_gradients  # noqa: E402

# Sums of at most a few hundred float64 products, each right to 1.1e-16, through at most 13 steps and 3 layers.
TOLERANCE = 1e-11
SHAPES = ((7, 3, 2, 5), (1, 1, 1, 1), (2, 1, 5, 3), (13, 2, 1, 4), (1, 4, 3, 2))  # T, B, I, H
KINDS = [(cell, activation) for cell in CELLS for activation in ACTIVATIONS[cell]]


def random_batch(model, steps, size, seed=0, lead=()):
    rng = np.random.default_rng(seed)
    inputs = (steps, size, model.input_size) if model.recurrent else (size, model.input_size)
    shape = (*lead, *model.targets_shape(inputs))
    classes = model.loss == "cross_entropy"
    targets = rng.integers(0, model.output_width, shape) if classes else rng.standard_normal(shape)
    return Batch(rng.standard_normal((*lead, *inputs)), targets)


def run(model, parameters, batch, *, states=True, dtype="float64", **options):
    """Return loss, outputs and gradients of one pass by name."""
    network = TorchBackend().build(model, parameters, dtype=dtype, **options)
    tape = network.forward(network.put(batch), states=states)
    gradients = network.backward(tape)
    found = {"loss": tape.loss, "outputs": tape.outputs, **gradients.parameters}
    found |= {"states": gradients.states, "cell_states": gradients.cell_states}
    return {name: network.fetch(array) for name, array in found.items() if array is not None}


def twin(model, parameters, batch):
    loss, outputs, gradients = loss_and_gradients(model, parameters, batch)
    return {"loss": loss, "outputs": outputs, **gradients.parameters, "states": gradients.states}


def assert_same(found, expected, bound=TOLERANCE):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        comparison = compare(found[name].astype(array.dtype), array)
        assert comparison.within(bound), (name, comparison)


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize(("cell", "activation"), KINDS)
@pytest.mark.parametrize(("steps", "size", "inputs", "hidden"), SHAPES)
def test_gradients_are_autograds(cell, activation, layers, steps, size, inputs, hidden):
    for readout, loss in product(READOUTS, LOSSES):
        if cell == "mlp" and readout == "all":
            continue
        model = Model(cell, inputs, hidden, 0 if readout == "none" else 3, layers, activation, readout, loss)
        parameters, batch = initialise(model, seed=3), random_batch(model, steps, size)
        found = run(model, parameters, batch)
        found.pop("cell_states", None)
        assert_same(found, twin(model, parameters, batch))


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize(("cell", "activation"), [("rnn", "tanh"), ("rnn", "relu"), ("lstm", "tanh"), ("gru", "tanh")])
def test_gradients_are_those_of_the_modules(cell, activation, layers):
    model = Model(cell, 3, 5, num_layers=layers, activation=activation, readout="none", loss="inner_product")
    parameters, batch = initialise(model, seed=4), random_batch(model, 6, 4)
    # <target, h_T> averaged over the batch reaches the last state alone.
    from_loss = np.zeros((6, 4, 5))
    from_loss[-1] = batch.targets / 4
    output, expected = module_gradients(model, parameters, batch.inputs, from_loss)
    found = run(model, parameters, batch)
    assert compare(found["outputs"], output[-1]).within(TOLERANCE)
    assert_same({name: found[name] for name in expected}, expected)


@pytest.mark.parametrize("readout", ["last", "all"])
def test_cell_states_are_autograds(readout):
    model = Model("lstm", 2, 3, 2, num_layers=2, readout=readout, loss="inner_product")
    parameters, batch = initialise(model, seed=1), random_batch(model, 5, 4)
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in parameters.items()}
    sequence, cells = list(torch.tensor(batch.inputs)), []
    for layer in range(2):
        W, U, b, d = (leaves[f"{role}_l{layer}"] for role in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        h = c = torch.zeros(4, 3, dtype=torch.float64)
        for t, x in enumerate(sequence):
            i, f, g, o = (x @ W.T + h @ U.T + b + d).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            sequence[t] = h
            cells.append(c)
    top = torch.stack(sequence) if readout == "all" else sequence[-1]
    outputs = top @ leaves["readout.weight"].T + leaves["readout.bias"]
    loss = (outputs * torch.tensor(batch.targets)).sum(-1).mean()
    expected = torch.stack(torch.autograd.grad(loss, cells, materialize_grads=True))
    expected = expected.reshape(2, 5, 4, 3).transpose(0, 1).numpy()
    assert_same({"c": run(model, parameters, batch)["cell_states"]}, {"c": expected})


# Large enough for oneDNN's products, for several blocks of steps, and for several segments of the fused LSTM.
LARGE = [
    Model("rnn", 40, 256, 7, 2),
    Model("lstm", 40, 256, 7, 2),
    Model("lstm", 40, 256, 7, 2, readout="all"),
    Model("gru", 40, 256, 7, 2, readout="all"),
    Model("mlp", 256, 256, 7, 3, "relu", loss="cross_entropy"),
]


@pytest.mark.parametrize(("intel", "mkl_lags", "rows"), [(True, False, 32), (False, False, 64), (False, True, 64)])
@pytest.mark.parametrize("states", [False, True])
@pytest.mark.parametrize("model", LARGE, ids=str)
def test_float32_is_float64_to_its_rounding(monkeypatch, model, states, intel, mkl_lags, rows):
    monkeypatch.setattr(products, "INTEL", intel)  # by the library that is faster on each processor
    monkeypatch.setattr(products, "MKL_LAGS", mkl_lags)
    parameters, batch = initialise(model, seed=5), random_batch(model, 40, rows)
    found = run(model, parameters, batch, states=states, dtype="float32")
    expected = run(model, parameters, batch, states=states)
    # 6e-8 a rounding, growing as the root of the 40 steps times 2 layers that follow one another, twice over.
    assert_same(found, expected, 20 * 6e-8 * np.sqrt(2 * 40 * 2))


@pytest.mark.parametrize(("dtype", "rounding"), [("bfloat16", 2**-9), ("float16", 2**-12)])
@pytest.mark.parametrize("cell", CELLS)
def test_half_precision_is_float64_to_its_rounding(cell, dtype, rounding):
    model = Model(cell, 4, 8, 3, 2)
    parameters, batch = initialise(model), random_batch(model, 6, 3)
    assert_same(run(model, parameters, batch, dtype=dtype), run(model, parameters, batch), 20 * rounding)


@pytest.mark.parametrize("model", LARGE, ids=str)
def test_the_same_call_gives_the_same_bits_and_changes_nothing(model):
    parameters, batch = initialise(model), random_batch(model, 20, 32)
    before = {name: value.copy() for name, value in parameters.items()}
    network = TorchBackend().build(model, parameters)
    mine = network.put(batch)
    first, second = network.forward(mine, states=True), network.forward(mine, states=True)
    found = [network.fetch_gradients(network.backward(tape)) for tape in (second, first)]
    again = network.fetch_gradients(network.backward(network.forward(mine, states=True)))
    for other in (found[1], again):
        assert np.array_equal(found[0].states, other.states)
        assert all(np.array_equal(found[0].parameters[name], other.parameters[name]) for name in parameters)
    assert all(np.array_equal(parameters[name], before[name]) for name in parameters)
    assert np.array_equal(network.fetch(mine.inputs), batch.inputs.astype(np.float32))


@pytest.mark.parametrize("states", [False, True])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_data(cell, value, states):
    model = Model(cell, 2, 3, 1, activation="relu" if cell in ("mlp", "rnn") else "tanh")
    parameters = initialise(model)
    parameters["readout.weight"][0, 0] = value
    found = run(model, parameters, random_batch(model, 4, 2), states=states, dtype="float32")
    assert not np.isfinite(found["loss"])
    assert not np.isfinite(found["readout.bias"]).any()


def test_what_is_not_claimed_is_refused():
    model = Model("rnn", 1, 2, 1)
    with pytest.raises(Unsupported, match="no dtype"):
        TorchBackend().build(model, initialise(model), dtype="int8")
    with pytest.raises(Unsupported, match="no device"):
        TorchBackend().build(model, initialise(model), device="tpu")


def test_it_says_what_is_linked_into_it_and_its_threads():
    libraries = TorchBackend().describe().libraries
    assert libraries[0] == f"torch: threads of an operation: {torch.get_num_threads()}"
    assert any(line.startswith("torch: oneDNN ") for line in libraries) == torch.backends.mkldnn.is_available()
    assert any(line.startswith("torch: MKL ") for line in libraries) == torch.backends.mkl.is_available()
