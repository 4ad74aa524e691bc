"""Stacks of settings in the jax backend against the same settings one by one."""

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.model import CELLS, Model
from gradsuite.optimizers import Adam
from gradsuite.parameters import Initialisation, initialise

pytest.importorskip("torch")
pytest.importorskip("jax")

from gradsuite_jax.backend import JaxBackend

from tests.plugins.test_jax import random_batch, relative_error

# The same sums in another order: a few roundings of float64.
TOLERANCE = 1e-13


def stack(members):
    return {name: np.stack([member[name] for member in members]) for name in members[0]}


def run(model, parameters, batch, **options):
    network = JaxBackend().build(model, parameters, dtype="float64", **options)
    tape = network.forward(network.put(batch), states=True)
    return network.fetch(tape.loss), network.fetch(tape.outputs), network.fetch_gradients(network.backward(tape))


def members_of(model):
    return [initialise(model, Initialisation("normal", gain), seed=seed) for seed, gain in enumerate((0.5, 1.0, 2.0))]


def assert_equal_one_by_one(model, batches, together, **options):
    members = members_of(model)
    loss, outputs, gradients = run(model, stack(members), together, **options)
    assert loss.shape == (3,)
    for s, (member, batch) in enumerate(zip(members, batches, strict=True)):
        alone_loss, alone_outputs, alone = run(model, member, batch, **options)
        assert relative_error(loss[s], alone_loss) <= TOLERANCE
        assert relative_error(outputs[s], alone_outputs) <= TOLERANCE
        for name, gradient in alone.parameters.items():
            assert relative_error(gradients.parameters[name][s], gradient) <= TOLERANCE, name
        assert relative_error(gradients.states[s], alone.states) <= TOLERANCE
        if model.cell == "lstm":
            assert relative_error(gradients.cell_states[s], alone.cell_states) <= TOLERANCE


@pytest.mark.parametrize("cell", CELLS)
def test_settings_share_a_batch(cell):
    model = Model(cell, 2, 3, 2, 2, "tanh", "last", "cross_entropy")
    batch = random_batch(model, 5, 4)
    assert_equal_one_by_one(model, [batch] * 3, batch)


@pytest.mark.parametrize("cell", CELLS)
def test_settings_have_batches_of_their_own(cell):
    model = Model(cell, 2, 3, 2, 1, "tanh", "last" if cell == "mlp" else "all")
    batches = [random_batch(model, 5, 4, seed) for seed in range(3)]
    together = Batch(np.stack([batch.inputs for batch in batches]), np.stack([batch.targets for batch in batches]))
    assert_equal_one_by_one(model, batches, together)


def test_inputs_of_their_own_with_shared_targets():
    model = Model("rnn", 2, 3, readout="none", loss="inner_product")
    batches = [random_batch(model, 5, 4, seed) for seed in range(3)]
    batches = [Batch(batch.inputs, batches[0].targets) for batch in batches]
    together = Batch(np.stack([batch.inputs for batch in batches]), batches[0].targets)
    assert_equal_one_by_one(model, batches, together)


@pytest.mark.parametrize("options", [{"truncation": (2, 3)}, {"checkpoint": 2}], ids=str)
def test_schedules_stack_too(options):
    model = Model("gru", 2, 3, 2, 2, "tanh", "all")
    batch = random_batch(model, 5, 4)
    assert_equal_one_by_one(model, [batch] * 3, batch, **options)


def test_a_stack_of_one_keeps_its_axis():
    model = Model("rnn", 2, 3, 2)
    loss, _, gradients = run(model, stack([initialise(model)]), random_batch(model, 5, 4))
    assert loss.shape == (1,)
    assert gradients.states.shape == (1, 5, 1, 4, 3)


def test_each_setting_is_clipped_by_its_own_norm():
    model, optimizer = Model("rnn", 2, 3, 2), Adam(lr=0.01, clip_norm=0.05, clip_unit=0.02)
    members, batch = members_of(model), random_batch(model, 5, 4)
    together = JaxBackend().build(model, stack(members), dtype="float64")
    on_device = together.put(batch)
    for _ in range(3):
        losses = together.fetch(together.step(on_device, optimizer))
    tape = together.forward(on_device)
    together.update(together.backward(tape), optimizer)
    for s, member in enumerate(members):
        alone = JaxBackend().build(model, member, dtype="float64")
        for _ in range(3):
            loss = alone.step(on_device, optimizer)
        assert relative_error(losses[s], alone.fetch(loss)) <= TOLERANCE
        alone.update(alone.backward(alone.forward(on_device)), optimizer)
        for name, value in alone.parameters.items():
            assert relative_error(together.fetch(together.parameters[name])[s], alone.fetch(value)) <= 1e-11
