"""The torch backend against the modules of torch.nn, at sizes where other kernels take over."""

from functools import partial

import numpy as np
import pytest
from gradsuite.comparator import compare
from gradsuite.model import Model
from gradsuite.parameters import initialise

torch = pytest.importorskip("torch")

from gradsuite_torch import products, worker_environment  # noqa: E402
from gradsuite_torch.backend import TorchBackend  # noqa: E402

from tests.plugins import passes  # noqa: E402
from tests.plugins.passes import TOLERANCE, assert_same, random_batch  # noqa: E402
from tests.torch_twin import module_gradients  # noqa: E402

run = partial(passes.run, TorchBackend())


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize(("cell", "activation"), [("rnn", "tanh"), ("rnn", "relu"), ("lstm", "tanh"), ("gru", "tanh")])
def test_gradients_are_those_of_the_modules(cell, activation, layers):
    model = Model(cell, 3, 5, num_layers=layers, activation=activation, readout="none", loss="inner_product")
    parameters, batch = initialise(model, seed=4), random_batch(model, 6, 4)
    # <target, h_T> averaged over the batch reaches the last state alone.
    from_loss = np.zeros((6, 4, 5))
    from_loss[-1] = batch.targets / 4
    output, expected = module_gradients(model, parameters, batch.inputs, from_loss)
    arrays = run(model, parameters, batch)
    assert compare(arrays["outputs"], output[-1]).within(TOLERANCE)
    assert_same({name: arrays[name] for name in expected}, expected)


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
    arrays = run(model, parameters, batch, states=states, dtype="float32")
    expected = run(model, parameters, batch, states=states)
    # 6e-8 a rounding, growing as the root of the 40 steps times 2 layers that follow one another, twice over.
    assert_same(arrays, expected, 20 * 6e-8 * np.sqrt(2 * 40 * 2))


@pytest.mark.parametrize("model", LARGE, ids=str)
def test_the_same_call_gives_the_same_bits_and_changes_nothing(model):
    parameters, batch = initialise(model), random_batch(model, 20, 32)
    before = {name: value.copy() for name, value in parameters.items()}
    network = TorchBackend().build(model, parameters)
    mine = network.put(batch)
    first, second = network.forward(mine, states=True), network.forward(mine, states=True)
    gradients = [network.fetch_gradients(network.backward(tape)) for tape in (second, first)]
    again = network.fetch_gradients(network.backward(network.forward(mine, states=True)))
    for other in (gradients[1], again):
        assert np.array_equal(gradients[0].states, other.states)
        assert all(np.array_equal(gradients[0].parameters[name], other.parameters[name]) for name in parameters)
    assert all(np.array_equal(parameters[name], before[name]) for name in parameters)
    assert np.array_equal(network.fetch(mine.inputs), batch.inputs.astype(np.float32))


def test_it_says_what_is_linked_into_it_and_its_threads():
    libraries = TorchBackend().describe().libraries
    assert libraries[0] == f"torch: threads of an operation: {torch.get_num_threads()}"
    assert any(line.startswith("torch: oneDNN ") for line in libraries) == torch.backends.mkldnn.is_available()
    assert any(line.startswith("torch: MKL ") for line in libraries) == torch.backends.mkl.is_available()


def test_threads_sleep_while_they_wait_only_where_nothing_is_timed(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    times, checks = (worker_environment("torch", {"threads": 2, "purpose": purpose}) for purpose in ("time", "check"))
    assert (times, checks) == ({}, {"OMP_WAIT_POLICY": "PASSIVE"})
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert worker_environment("torch", {"threads": 2, "purpose": "check"}) == {"OMP_WAIT_POLICY": "ACTIVE"}
    assert worker_environment("numpy", {"threads": 2, "purpose": "check"}) is None
