"""The jax backend's optimizer steps against torch.optim, and how often it compiles."""

from contextlib import contextmanager

import numpy as np
import pytest
from gradsuite.model import Model
from gradsuite.optimizers import SGD, Adam, AdamW, Momentum
from gradsuite.parameters import initialise

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")

from gradsuite_jax.backend import JaxBackend  # noqa: E402

from tests.plugins.test_jax import random_batch, relative_error  # noqa: E402
from tests.torch_twin import loss_and_gradients  # noqa: E402

OPTIMIZERS = [
    (SGD(lr=0.1, weight_decay=0.01), torch.optim.SGD, {"lr": 0.1, "weight_decay": 0.01}),
    (SGD(lr=0.1, clip_norm=0.05), torch.optim.SGD, {"lr": 0.1}),
    (SGD(lr=0.1, clip_value=0.01), torch.optim.SGD, {"lr": 0.1}),
    (Momentum(lr=0.1, momentum=0.8), torch.optim.SGD, {"lr": 0.1, "momentum": 0.8}),
    (Momentum(lr=0.1, nesterov=True), torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (Adam(lr=0.01, weight_decay=0.1), torch.optim.Adam, {"lr": 0.01, "weight_decay": 0.1}),
    (AdamW(lr=0.01, clip_norm=0.05), torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.01}),
]
MODELS = [Model("lstm", 2, 3, 2, 2), Model("mlp", 4, 3, 2, 2), Model("rnn", 2, 3, 2), Model("gru", 2, 3, 2)]


def torch_trajectory(model, parameters, batch, optimizer, kind, settings, steps):
    leaves = {name: torch.nn.Parameter(torch.tensor(value)) for name, value in parameters.items()}
    theirs = kind(leaves.values(), **settings)
    for _ in range(steps):
        host = {name: leaf.detach().numpy() for name, leaf in leaves.items()}
        gradients = loss_and_gradients(model, host, batch)[2].parameters
        for name, leaf in leaves.items():
            leaf.grad = torch.tensor(gradients[name])
        if optimizer.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(leaves.values(), optimizer.clip_norm)
        if optimizer.clip_value is not None:
            torch.nn.utils.clip_grad_value_(leaves.values(), optimizer.clip_value)
        theirs.step()
    return {name: leaf.detach().numpy() for name, leaf in leaves.items()}


@pytest.mark.parametrize("case", range(len(OPTIMIZERS)), ids=lambda i: type(OPTIMIZERS[i][0]).__name__)
def test_fifty_steps_are_those_of_torch_optim(case):
    optimizer, kind, settings = OPTIMIZERS[case]
    model = MODELS[case % len(MODELS)]
    parameters, batch = initialise(model, seed=2), random_batch(model, 5, 3)
    network = JaxBackend().build(model, parameters, dtype="float64")
    on_device = network.put(batch)
    losses = [float(network.step(on_device, optimizer)) for _ in range(50)]
    expected = torch_trajectory(model, parameters, batch, optimizer, kind, settings, 50)
    for name, value in expected.items():
        # 50 steps of at most lr each carry the gradients' 1e-15 no further than 1e-9, Adam's division included.
        assert relative_error(network.fetch(network.parameters[name]), value) <= 1e-9, name
    assert losses[-1] < losses[0]


def test_step_is_forward_backward_and_update():
    model, optimizer = Model("gru", 2, 3, 2), Adam(lr=0.01, clip_norm=1.0)
    parameters, batch = initialise(model), random_batch(model, 5, 3)
    fused, apart = (JaxBackend().build(model, parameters, dtype="float64") for _ in range(2))
    on_device = fused.put(batch)
    for _ in range(3):
        loss = fused.step(on_device, optimizer)
        tape = apart.forward(on_device)
        apart.update(apart.backward(tape), optimizer)
        assert relative_error(fused.fetch(loss), apart.fetch(tape.loss)) <= 1e-14
    for name, value in fused.parameters.items():
        assert relative_error(fused.fetch(value), apart.fetch(apart.parameters[name])) <= 1e-13


def test_parameters_held_by_the_caller_survive_a_step():
    model = Model("mlp", 2, 3, 2)
    network = JaxBackend().build(model, initialise(model), dtype="float64")
    held = network.parameters
    before = {name: network.fetch(value) for name, value in held.items()}
    network.step(network.put(random_batch(model, 1, 3)), SGD(lr=1.0))
    for name, value in held.items():
        np.testing.assert_array_equal(network.fetch(value), before[name])
        assert (network.fetch(network.parameters[name]) != before[name]).any()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_training_keeps_the_dtype(dtype):
    model, optimizer = Model("mlp", 2, 3, 2), AdamW(lr=0.01, clip_norm=1.0)
    network = JaxBackend().build(model, initialise(model), dtype=dtype)
    loss = network.step(network.put(random_batch(model, 1, 3)), optimizer)
    assert {str(array.dtype) for array in (loss, *network.parameters.values())} == {dtype}


@contextmanager
def compilations():
    """Give a list that grows by one with every program that XLA compiles."""
    compiled = []

    def listen(event, duration, **kwargs):
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield compiled
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


@pytest.mark.parametrize(("hidden", "optimizer"), [(3, Adam(lr=0.01)), (4, SGD(lr=0.1))])
def test_networks_of_one_shape_compile_once(hidden, optimizer):
    model = Model("rnn", 2, hidden, 2)
    batch = random_batch(model, 6, 2)
    counts = []
    with compilations() as compiled:
        for seed in range(3):
            network = JaxBackend().build(model, initialise(model, seed=seed))
            on_device = network.put(batch)
            network.backward(network.forward(on_device))
            for _ in range(3):
                network.step(on_device, optimizer)
            counts.append(len(compiled))
    # forward, backward and the fused step, which is the same program at every step
    assert counts == [3, 3, 3]
