"""What the numpy backend does beyond the interface: stacks of settings, truncation and checkpoints."""

from itertools import product

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.errors import UserError
from gradsuite.model import CELLS, LOSSES, Model
from gradsuite.parameters import initialise
from gradsuite_numpy import members, network
from gradsuite_numpy.backend import NumpyBackend
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plugins.test_numpy import assert_same, oracle, problems, random_batch, run


@settings(max_examples=40, derandomize=True)
@given(problems(cells=("rnn", "lstm", "gru")), st.integers(1, 4), st.integers(0, 4))
def test_truncated_gradients_are_the_oracles(problem, k1, more):
    truncation = (k1, k1 + more)
    assert_same(run(*problem, truncation=truncation), oracle(*problem, truncation=truncation))


def test_truncated_state_gradients_end_at_the_horizon():
    model = Model("lstm", 2, 3, 1, num_layers=2)
    states = run(model, initialise(model), random_batch(model, 12, 2), truncation=(2, 5))["states"]
    assert (states[:7] == 0).all()
    assert (states[7:] != 0).any(axis=(1, 2, 3)).all()


@settings(max_examples=40, derandomize=True)
@given(problems(cells=("rnn", "lstm", "gru")), st.integers(1, 7))
def test_checkpointed_gradients_are_the_plain_ones(problem, every):
    assert_same(run(*problem, checkpoint=every), run(*problem))


@pytest.mark.parametrize("options", [{"checkpoint": 10}, {"truncation": (5, 10)}], ids=str)
def test_a_split_pass_keeps_one_window(options):
    model = Model("rnn", 1, 4, 1)
    plain, split = (NumpyBackend().build(model, initialise(model), **chosen) for chosen in ({}, options))
    for built in (plain, split):
        built.backward(built.forward(built.put(random_batch(model, 1000, 2))))
    sizes = [sum(array.size for array in built.spare[0].memory.values()) for built in (plain, split)]
    assert sizes[1] <= sizes[0] / 50


@pytest.fixture(params=[1, 2], ids=["one part", "two parts"])
def parts(request, monkeypatch):
    """Cut stacks into so many parts, side by side, however small they are."""
    monkeypatch.setattr(network, "parts_of", lambda parameters: request.param)


@pytest.mark.usefixtures("parts")
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


@pytest.mark.usefixtures("parts")
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


@pytest.mark.parametrize(("shape", "cores", "count"), [
    ((4, 128, 128), 2, 2), ((4, 128, 128), 1, 1), ((3, 256, 256), 8, 3), ((20, 64, 16), 2, 1), ((1, 500, 500), 2, 1),
])  # fmt: skip
def test_a_stack_is_cut_for_the_cores_there_are_unless_its_parts_would_be_small(monkeypatch, shape, cores, count):
    monkeypatch.setattr(members, "available_cores", lambda: cores)
    assert members.parts_of({"bias": np.zeros(shape[:2]), "weight": np.zeros(shape)}) == count


def test_overflow_in_a_part_is_data(monkeypatch):
    monkeypatch.setattr(network, "parts_of", lambda parameters: 2)
    model = Model("rnn", 2, 3, 1, activation="identity")
    found = run(model, {name: np.full((2, *p.shape), 1e200) for name, p in initialise(model).items()},
                random_batch(model, 5, 2))  # fmt: skip
    assert not np.isfinite(found["weight_hh_l0"]).all()


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
