"""What the numpy backend does beyond the interface: stacks of settings, truncation and checkpoints."""

from itertools import product

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.errors import UserError
from gradsuite.model import CELLS, LOSSES, Model
from gradsuite.parameters import initialise
from gradsuite_numpy.backend import NumpyBackend
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plugins.test_numpy import assert_same, oracle, problems, random_batch, run


@settings(max_examples=40, deadline=None, derandomize=True)
@given(problems(cells=("rnn", "lstm", "gru")), st.integers(1, 4), st.integers(0, 4))
def test_truncated_gradients_are_the_oracles(problem, k1, more):
    truncation = (k1, k1 + more)
    assert_same(run(*problem, truncation=truncation), oracle(*problem, truncation=truncation))


def test_truncated_state_gradients_end_at_the_horizon():
    model = Model("lstm", 2, 3, 1, num_layers=2)
    states = run(model, initialise(model), random_batch(model, 12, 2), truncation=(2, 5))["states"]
    assert (states[:7] == 0).all()
    assert (states[7:] != 0).any(axis=(1, 2, 3)).all()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(problems(cells=("rnn", "lstm", "gru")), st.integers(1, 7))
def test_checkpointed_gradients_are_the_plain_ones(problem, every):
    assert_same(run(*problem, checkpoint=every), run(*problem))


@pytest.mark.parametrize("options", [{"checkpoint": 10}, {"truncation": (5, 10)}], ids=str)
def test_a_split_pass_keeps_one_window(options):
    model = Model("rnn", 1, 4, 1)
    plain, split = (NumpyBackend().build(model, initialise(model), **chosen) for chosen in ({}, options))
    for network in (plain, split):
        network.backward(network.forward(network.put(random_batch(model, 1000, 2))))
    sizes = [sum(array.size for array in network.spare[0].memory.values()) for network in (plain, split)]
    assert sizes[1] <= sizes[0] / 50


@pytest.mark.parametrize(("cell", "layers", "readout", "loss"), list(product(CELLS, (1, 2), ("last", "none"), LOSSES)))
@pytest.mark.parametrize("stacked_batch", [False, True])
def test_a_stack_is_its_settings_one_by_one(cell, layers, readout, loss, stacked_batch):
    model = Model(cell, 3, 4, 0 if readout == "none" else 2, layers, readout=readout, loss=loss)
    settings = [initialise(model, seed=seed) for seed in range(3)]
    stack = {name: np.stack([one[name] for one in settings]) for name in settings[0]}
    batch = random_batch(model, 5, 2, lead=(3,) if stacked_batch else ())
    found = run(model, stack, batch)
    for index, parameters in enumerate(settings):
        own = Batch(batch.inputs[index], batch.targets[index]) if stacked_batch else batch
        assert_same({name: array[index] for name, array in found.items()}, run(model, parameters, own))


@pytest.mark.parametrize("options", [{"checkpoint": 2}, {"truncation": (2, 3)}], ids=str)
def test_a_stack_may_be_split_over_time(options):
    model = Model("lstm", 2, 3, 2, num_layers=2, readout="all")
    settings = [initialise(model, seed=seed) for seed in range(2)]
    found = run(
        model,
        {name: np.stack([one[name] for one in settings]) for name in settings[0]},
        random_batch(model, 5, 3),
        **options,
    )
    for index, parameters in enumerate(settings):
        alone = run(model, parameters, random_batch(model, 5, 3), **options)
        assert_same({name: array[index] for name, array in found.items()}, alone)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"checkpoint": 0}, "checkpoint must be at least 1 step, not 0"),
        ({"truncation": (3, 2)}, "1 <= k1 <= k2"),
        ({"truncation": (0, 2)}, "1 <= k1 <= k2"),
        ({"truncation": (1, 2), "checkpoint": 2}, "give one of"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(options, reason):
    model = Model("rnn", 2, 3, 1)
    with pytest.raises(UserError, match=reason):
        NumpyBackend().build(model, initialise(model), **options)
    model = Model("mlp", 2, 3, 1)
    with pytest.raises(UserError, match="not for mlp"):
        NumpyBackend().build(model, initialise(model), checkpoint=2)
