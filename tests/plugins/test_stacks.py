"""Stacks of networks against the same networks one by one."""

from itertools import product

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.model import CELLS, LOSSES, READOUTS, Model
from gradsuite.optimizers import Adam
from gradsuite.parameters import Initialisation, initialise
from gradsuite.schedule import Schedule

from tests.plugins.passes import assert_same, random_batch, run, stack

# The same sums in another order: a few roundings of float64.
CLOSE = 1e-12


def members_of(model):
    return [initialise(model, Initialisation("normal", gain), seed=seed) for seed, gain in enumerate((0.5, 1.0, 2.0))]


def together_of(batches):
    return Batch(np.stack([batch.inputs for batch in batches]), np.stack([batch.targets for batch in batches]))


def assert_equal_one_by_one(backend, model, batches, together, schedule=Schedule()):
    members = members_of(model)
    arrays = run(backend, model, stack(members), together, schedule=schedule)
    assert arrays["loss"].shape == (3,)
    for s, (member, batch) in enumerate(zip(members, batches, strict=True)):
        alone = run(backend, model, member, batch, schedule=schedule)
        assert_same({name: array[s] for name, array in arrays.items()}, alone, CLOSE)


@pytest.mark.parametrize("cell", CELLS)
def test_networks_share_a_batch(backend, cell):
    model = Model(cell, 2, 3, 2, 2, "tanh", "last", "cross_entropy")
    batch = random_batch(model, 5, 4)
    assert_equal_one_by_one(backend, model, [batch] * 3, batch)


@pytest.mark.parametrize("cell", CELLS)
def test_networks_have_batches_of_their_own(backend, cell):
    model = Model(cell, 2, 3, 2, 1, "tanh", "last" if cell == "mlp" else "all")
    batches = [random_batch(model, 5, 4, seed) for seed in range(3)]
    assert_equal_one_by_one(backend, model, batches, together_of(batches))


def test_inputs_of_their_own_with_shared_targets(backend):
    model = Model("rnn", 2, 3, readout="none", loss="inner_product")
    batches = [random_batch(model, 5, 4, seed) for seed in range(3)]
    batches = [Batch(batch.inputs, batches[0].targets) for batch in batches]
    together = Batch(np.stack([batch.inputs for batch in batches]), batches[0].targets)
    assert_equal_one_by_one(backend, model, batches, together)


@pytest.mark.parametrize("schedule", [Schedule(truncation=(2, 3)), Schedule(checkpoint=2)], ids=str)
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_schedules_stack_too(backend, cell, schedule):
    model = Model(cell, 2, 3, 2, 2, "tanh", "all")
    batch = random_batch(model, 5, 4)
    assert_equal_one_by_one(backend, model, [batch] * 3, batch, schedule)


@pytest.mark.parametrize(("cell", "layers", "readout", "loss"), list(product(CELLS, (1, 2), READOUTS, LOSSES)))
@pytest.mark.parametrize("stacked_batch", [False, True])
def test_a_stack_of_any_model_is_its_networks_one_by_one(eager, cell, layers, readout, loss, stacked_batch):
    if cell == "mlp" and readout == "all":
        readout = "last"
    model = Model(cell, 2, 3, 0 if readout == "none" else 2, layers, readout=readout, loss=loss)
    batches = [random_batch(model, 5, 2, seed if stacked_batch else 0) for seed in range(3)]
    assert_equal_one_by_one(eager, model, batches, together_of(batches) if stacked_batch else batches[0])


def test_a_stack_of_one_keeps_its_axis(backend):
    model = Model("rnn", 2, 3, 2)
    arrays = run(backend, model, stack([initialise(model)]), random_batch(model, 5, 4))
    assert arrays["loss"].shape == (1,)
    assert arrays["states"].shape == (1, 5, 1, 4, 3)


def test_a_network_says_whether_it_is_a_stack(backend):
    model = Model("mlp", 2, 3, 2)
    single = initialise(model)
    assert backend.build(model, stack([single])).stacked
    assert not backend.build(model, single).stacked


def test_each_network_is_clipped_by_its_own_norm(backend):
    model, optimizer = Model("rnn", 2, 3, 2), Adam(lr=0.01, clip_norm=0.05, clip_unit=0.02)
    members, batch = members_of(model), random_batch(model, 5, 4)
    together = backend.build(model, stack(members), dtype="float64")
    on_device = together.put(batch)
    for _ in range(3):
        losses = together.fetch(together.step(on_device, optimizer))
    together.update(together.backward(together.forward(on_device)), optimizer)
    for s, member in enumerate(members):
        alone = backend.build(model, member, dtype="float64")
        mine = alone.put(batch)
        for _ in range(3):
            loss = alone.fetch(alone.step(mine, optimizer))
        alone.update(alone.backward(alone.forward(mine)), optimizer)
        arrays = {name: together.fetch(p)[s] for name, p in together.parameters.items()}
        expected = {name: alone.fetch(p) for name, p in alone.parameters.items()}
        assert_same(arrays | {"loss": losses[s]}, expected | {"loss": loss}, 1e-11)
