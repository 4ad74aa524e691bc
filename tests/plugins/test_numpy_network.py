"""What the numpy backend promises of memory, tapes and updates."""

from functools import partial

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.errors import UserError
from gradsuite.model import CELLS, Model
from gradsuite.optimizers import OPTIMIZERS, optimizer
from gradsuite.parameters import initialise
from gradsuite_numpy.backend import NumpyBackend

from tests.plugins import passes
from tests.plugins.passes import random_batch

run = partial(passes.run, NumpyBackend())


@pytest.mark.parametrize("cell", CELLS)
def test_nothing_a_caller_holds_is_overwritten(cell):
    model = Model(cell, 2, 3, readout="none", num_layers=2)
    parameters = initialise(model)
    network = NumpyBackend().build(model, parameters, dtype="float64")
    first, second = (network.put(random_batch(model, 4, 2, seed)) for seed in (1, 2))
    inputs = first.inputs.copy()
    held = network.forward(first, states=True)
    expected = run(model, parameters, first)
    live = network.forward(first, states=True)
    gradients = network.backward(held)
    for states in (False, True):  # later passes, and one dropped without backward
        network.forward(second, states=states)
        network.backward(network.forward(second, states=states))
    late = network.backward(live)
    for tape, given in ((held, gradients), (live, late)):
        kept = {"loss": tape.loss, "outputs": tape.outputs, **given.parameters, "states": given.states}
        kept |= {} if given.cell_states is None else {"cell_states": given.cell_states}
        assert all(np.array_equal(kept[name], array) for name, array in expected.items())
    assert np.array_equal(first.inputs, inputs)
    assert all(np.array_equal(network.parameters[name], array) for name, array in parameters.items())


def test_a_dropped_tape_gives_its_memory_back():
    model = Model("gru", 2, 3, 1)
    network = NumpyBackend().build(model, initialise(model))
    batch = network.put(random_batch(model, 4, 2))
    tapes = [network.forward(batch) for _ in range(3)]
    assert not network.spare
    network.backward(tapes.pop())
    tapes.clear()
    assert len(network.spare) == 3


def test_a_tape_is_good_for_one_backward():
    model = Model("rnn", 2, 3, 1)
    network = NumpyBackend().build(model, initialise(model))
    tape = network.forward(network.put(random_batch(model, 4, 2)))
    network.backward(tape)
    with pytest.raises(RuntimeError, match="used up"):
        network.backward(tape)


def test_another_batch_size_and_length_fit_the_same_network():
    model = Model("lstm", 2, 3, 1, readout="all")
    parameters = initialise(model)
    network = NumpyBackend().build(model, parameters, dtype="float64")
    for steps, size in ((5, 2), (2, 7), (9, 1)):
        batch = random_batch(model, steps, size)
        gradients = network.backward(network.forward(network.put(batch)))
        expected = run(model, parameters, batch, states=False)
        assert all(np.array_equal(array, expected[name]) for name, array in gradients.parameters.items())


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_update_is_the_hosts_to_the_bit(name):
    rule = optimizer(name, lr=0.1, weight_decay=0.01, clip_norm=0.5, clip_value=0.01)
    model = Model("mlp", 3, 200, 2, num_layers=2)  # 40,000 weights: more than are updated at once
    network = NumpyBackend().build(model, initialise(model), dtype="float64")
    batch = network.put(random_batch(model, 1, 4))
    parameters, slots = network.parameters, None
    for _ in range(3):
        gradients = network.backward(network.forward(batch))
        parameters, slots = rule.apply(parameters, gradients.parameters, slots)
        network.update(gradients, rule)
    assert network.slots[0] == slots[0] == 3
    for key, value in parameters.items():
        assert np.array_equal(network.parameters[key], value)
        assert all(map(np.array_equal, network.slots[1][key], slots[1][key]))


@pytest.mark.parametrize(
    ("batch", "reason"),
    [
        (Batch(np.ones((4, 2, 3)), np.zeros(2)), r"inputs must be \(T, B, 2\)"),
        (Batch(np.ones((2, 2)), np.zeros(2)), r"inputs must be \(T, B, 2\)"),
        (Batch(np.ones((0, 2, 2)), np.zeros(2)), r"inputs must be \(T, B, 2\)"),
        (Batch(np.ones((4, 2, 2)), np.zeros(3)), r"targets must be \(2,\), not \(3,\)"),
        (Batch(np.ones((4, 2, 2)), np.array([0, 5])), "classes must be 0 to 4, not 0 to 5"),
        (Batch(np.ones((4, 2, 2)), np.array([-1, 0])), "classes must be 0 to 4, not -1 to 0"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused(batch, reason):
    model = Model("rnn", 2, 3, 5, loss="cross_entropy")
    with pytest.raises(UserError, match=reason):
        NumpyBackend().build(model, initialise(model)).put(batch)


def test_new_parameters_count_at_once_and_old_ones_cannot_change_unnoticed():
    model = Model("gru", 2, 3, 1)
    network = NumpyBackend().build(model, initialise(model, seed=0), dtype="float64")
    batch = random_batch(model, 4, 2)
    network.forward(network.put(batch))
    network.parameters |= {"weight_hh_l0": initialise(model, seed=1)["weight_hh_l0"]}
    assert network.forward(network.put(batch)).loss == run(model, network.parameters, batch)["loss"]
    with pytest.raises(ValueError, match="read-only"):
        network.parameters["weight_hh_l0"][0] = 0
