"""Training with every backend against torch.optim and the clipping of torch.nn.utils."""

import numpy as np
import pytest
from gradsuite.model import CELLS, Model
from gradsuite.optimizers import SGD, Adam, AdamW, Momentum, RMSprop
from gradsuite.parameters import initialise
from gradsuite.tasks.synthetic.temporal_order import TemporalOrder
from gradsuite.training.rates import Step
from gradsuite.training.recipe import Recipe
from gradsuite.training.session import Session
from gradsuite_numpy.backend import NumpyBackend

from tests.plugins.passes import assert_same, random_batch

torch = pytest.importorskip("torch")

OPTIMIZERS = [
    (SGD(lr=0.1, weight_decay=0.01), torch.optim.SGD, {"lr": 0.1, "weight_decay": 0.01}),
    (SGD(lr=0.1, clip_norm=0.05), torch.optim.SGD, {"lr": 0.1}),
    (SGD(lr=0.1, clip_value=0.01), torch.optim.SGD, {"lr": 0.1}),
    (Momentum(lr=0.1, momentum=0.8), torch.optim.SGD, {"lr": 0.1, "momentum": 0.8}),
    (Momentum(lr=0.1, nesterov=True), torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (Adam(lr=0.01, weight_decay=0.1), torch.optim.Adam, {"lr": 0.01, "weight_decay": 0.1}),
    (AdamW(lr=0.01, clip_norm=0.05), torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.01}),
    (
        RMSprop(lr=0.01, momentum=0.5, centered=True),
        torch.optim.RMSprop,
        {"lr": 0.01, "momentum": 0.5, "centered": True},
    ),
]


def parameters_of_torch(model, parameters, batch, rule, kind, settings, steps=50):
    from tests.torch_twin import loss_and_gradients

    leaves = {name: torch.nn.Parameter(torch.tensor(value)) for name, value in parameters.items()}
    optimizer = kind(leaves.values(), **settings)
    for _ in range(steps):
        host = {name: leaf.detach().numpy() for name, leaf in leaves.items()}
        for name, gradient in loss_and_gradients(model, host, batch)[2].parameters.items():
            leaves[name].grad = torch.tensor(gradient)
        if rule.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(leaves.values(), rule.clip_norm)
        if rule.clip_value is not None:
            torch.nn.utils.clip_grad_value_(leaves.values(), rule.clip_value)
        optimizer.step()
    return {name: leaf.detach().numpy() for name, leaf in leaves.items()}


def assert_fifty_steps(backend, cell, rule, kind, settings):
    model = Model(cell, 2, 3, 2, num_layers=2)
    parameters, batch = initialise(model, seed=2), random_batch(model, 5, 3)
    network = backend.build(model, parameters, dtype="float64")
    on_device = network.put(batch)
    losses = [float(network.fetch(network.step(on_device, rule))) for _ in range(50)]
    arrays = {name: network.fetch(value) for name, value in network.parameters.items()}
    # 50 steps of at most lr each carry the gradients' 1e-15 no further than 1e-9, Adam's division included.
    assert_same(arrays, parameters_of_torch(model, parameters, batch, rule, kind, settings), 1e-9)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("case", range(len(OPTIMIZERS)), ids=lambda i: type(OPTIMIZERS[i][0]).__name__)
def test_fifty_steps_are_those_of_torch_optim(backend, case):
    assert_fifty_steps(backend, CELLS[case % len(CELLS)], *OPTIMIZERS[case])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("rule", "kind", "settings"), OPTIMIZERS)
def test_fifty_steps_of_every_cell_are_those_of_torch_optim(eager, cell, rule, kind, settings):
    assert_fifty_steps(eager, cell, rule, kind, settings)


def test_step_is_forward_backward_and_update(backend):
    model, optimizer = Model("gru", 2, 3, 2), Adam(lr=0.01, clip_norm=1.0)
    parameters, batch = initialise(model), random_batch(model, 5, 3)
    fused, apart = (backend.build(model, parameters, dtype="float64") for _ in range(2))
    on_device = fused.put(batch)
    for _ in range(3):
        loss = fused.step(on_device, optimizer)
        tape = apart.forward(on_device)
        expected = apart.fetch(tape.loss)
        apart.update(apart.backward(tape), optimizer)
        assert_same({"loss": fused.fetch(loss)}, {"loss": expected}, 1e-14)
    arrays, others = ({name: n.fetch(p) for name, p in n.parameters.items()} for n in (fused, apart))
    assert_same(arrays, others, 1e-13)


def test_omega_is_added_to_every_backend_s_gradients(backend):
    task = TemporalOrder()
    model = task.model("rnn", 4)
    recipe = Recipe(optimizer=Momentum(lr=0.1, clip_norm=1.0), rate=Step(2, 0.5), omega=2.0, length=12, steps=4)
    trained = []
    for one in (backend, NumpyBackend()):
        session = Session(one, task, model, initialise(model), recipe, dtype="float64")
        assert len(list(session.run())) == 1
        trained.append(session.parameters())
    # Four steps of gradients right to 1e-15; the regulariser divides by squared norms that are far from its bound.
    assert_same(*trained, 1e-12)


def test_parameters_held_by_the_caller_survive_a_step(backend):
    model = Model("mlp", 2, 3, 2)
    network = backend.build(model, initialise(model), dtype="float64")
    held = network.parameters
    before = {name: network.fetch(value) for name, value in held.items()}
    network.step(network.put(random_batch(model, 1, 3)), SGD(lr=1.0))
    for name, value in held.items():
        np.testing.assert_array_equal(network.fetch(value), before[name])
        assert (network.fetch(network.parameters[name]) != before[name]).any()


def test_training_keeps_the_dtype(backend):
    model, optimizer = Model("mlp", 2, 3, 2), AdamW(lr=0.01, clip_norm=1.0)
    for dtype in backend.describe().dtypes:
        network = backend.build(model, initialise(model), dtype=dtype)
        loss = network.step(network.put(random_batch(model, 1, 3)), optimizer)
        assert {str(array.dtype).removeprefix("torch.") for array in (loss, *network.parameters.values())} == {dtype}
