"""Stacks cut into parts that run side by side, and the memory of a pass that is split over time."""

from itertools import product

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.model import CELLS, LOSSES, Model
from gradsuite.parameters import initialise
from gradsuite.schedule import Schedule
from gradsuite_numpy import members, network
from gradsuite_numpy.backend import NumpyBackend

from tests.plugins.passes import assert_same, random_batch, run, stack

BACKEND = NumpyBackend()
# The same sums in another order: a few roundings of float64.
CLOSE = 1e-13
SPLIT = [Schedule(checkpoint=10), Schedule(truncation=(5, 10))]


@pytest.mark.parametrize("schedule", SPLIT, ids=str)
def test_a_split_pass_keeps_one_window(schedule):
    model = Model("rnn", 1, 4, 1)
    plain, split = (BACKEND.build(model, initialise(model), schedule=one) for one in (Schedule(), schedule))
    for built in (plain, split):
        built.backward(built.forward(built.put(random_batch(model, 1000, 2))))
    sizes = [sum(array.size for array in built.spare[0].memory.values()) for built in (plain, split)]
    assert sizes[1] <= sizes[0] / 50


@pytest.fixture
def two_parts(monkeypatch):
    """Cut every stack into two parts, side by side, however small they are."""
    monkeypatch.setattr(network, "parts_of", lambda parameters: 2)


@pytest.mark.usefixtures("two_parts")
@pytest.mark.parametrize(("cell", "layers", "readout", "loss"), list(product(CELLS, (1, 2), ("last", "none"), LOSSES)))
@pytest.mark.parametrize("stacked_batch", [False, True])
def test_a_stack_in_parts_is_its_networks_one_by_one(cell, layers, readout, loss, stacked_batch):
    model = Model(cell, 3, 4, 0 if readout == "none" else 2, layers, readout=readout, loss=loss)
    networks = [initialise(model, seed=seed) for seed in range(3)]
    batch = random_batch(model, 5, 2, lead=(3,) if stacked_batch else ())
    arrays = run(BACKEND, model, stack(networks), batch)
    for index, parameters in enumerate(networks):
        alone = Batch(batch.inputs[index], batch.targets[index]) if stacked_batch else batch
        expected = run(BACKEND, model, parameters, alone)
        assert_same({name: array[index] for name, array in arrays.items()}, expected, CLOSE)


@pytest.mark.usefixtures("two_parts")
@pytest.mark.parametrize("schedule", [Schedule(checkpoint=2), Schedule(truncation=(2, 3))], ids=str)
def test_a_stack_in_parts_may_be_split_over_time(schedule):
    model = Model("lstm", 2, 3, 2, num_layers=2, readout="all")
    networks, batch = [initialise(model, seed=seed) for seed in range(2)], random_batch(model, 5, 3)
    arrays = run(BACKEND, model, stack(networks), batch, schedule=schedule)
    for index, parameters in enumerate(networks):
        expected = run(BACKEND, model, parameters, batch, schedule=schedule)
        assert_same({name: array[index] for name, array in arrays.items()}, expected, CLOSE)


@pytest.mark.parametrize(("shape", "cores", "count"), [
    ((4, 128, 128), 2, 2), ((4, 128, 128), 1, 1), ((3, 256, 256), 8, 3), ((20, 64, 16), 2, 1), ((1, 500, 500), 2, 1),
])  # fmt: skip
def test_a_stack_is_cut_for_the_cores_there_are_unless_its_parts_would_be_small(monkeypatch, shape, cores, count):
    monkeypatch.setattr(members, "available_cores", lambda: cores)
    assert members.parts_of({"bias": np.zeros(shape[:2]), "weight": np.zeros(shape)}) == count


@pytest.mark.usefixtures("two_parts")
def test_overflow_in_a_part_is_data():
    model = Model("rnn", 2, 3, 1, activation="identity")
    parameters = {name: np.full((2, *p.shape), 1e200) for name, p in initialise(model).items()}
    arrays = run(BACKEND, model, parameters, random_batch(model, 5, 2))
    assert not np.isfinite(arrays["weight_hh_l0"]).all()
