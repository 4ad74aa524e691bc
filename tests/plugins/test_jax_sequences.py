"""Lengths, carried states, masks and two directions in jax, against the oracle; each combination is a program."""

from dataclasses import replace

import numpy as np
import pytest
from gradsuite.model import LOSSES, READOUTS, Model
from gradsuite.optimizers import SGD
from gradsuite.parameters import initialise
from gradsuite.schedule import Schedule

jax = pytest.importorskip("jax")

from gradsuite_jax.backend import JaxBackend  # noqa: E402

from tests.plugins.passes import RECURRENT, assert_same, random_batch  # noqa: E402
from tests.plugins.sequences import (  # noqa: E402
    assert_right,
    assert_zero_where_padded,
    equipped,
    expected,
    one_pass,
    padded,
)
from tests.plugins.test_jax import compilations  # noqa: E402

JAX = JaxBackend()
STEPS = 7
LENGTHS = {"one": [1, 1, 1], "equal": [4, 4, 4], "ragged": [7, 5, 2], "unsorted": [2, 7, 5], "all": [7, 7, 7]}
EQUIPMENT = (
    ("lengths",),
    ("lengths", "state", "masks"),
    ("state",),
    ("lengths", "masks"),
    (),
    ("masks",),
    ("lengths", "state"),
    ("state", "masks"),
)
SCHEDULES = (Schedule(checkpoint=3), Schedule(truncation=(2, 3)), Schedule(truncation=(1, 9)), Schedule(checkpoint=2))


def small(cell, readout="all", loss="mse", layers=2, *, bidirectional=False, activation="tanh", steps=STEPS, seed=1):
    outputs = 0 if readout == "none" else 2
    model = Model(cell, 2, 3, outputs, layers, activation, readout, loss, bidirectional)
    return model, initialise(model, seed=seed), random_batch(model, steps, 3, seed)


def combination(k, *, bidirectional):
    """Return problem k: any two of a cell, a readout, a loss and a number of layers meet within nine."""
    a, b = k % 3, k // 3 % 3
    cell, readout, loss, layers = RECURRENT[a], READOUTS[b], LOSSES[(a + b) % 3], 1 + (a + 2 * b) % 3
    model, parameters, batch = small(cell, readout, loss, layers, bidirectional=bidirectional, seed=k)
    return model, parameters, equipped(model, batch, EQUIPMENT[k % 8], k)


@pytest.mark.parametrize("k", range(9))
@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "both"])
def test_a_pass_is_the_oracles(k, bidirectional):
    model, parameters, batch = combination(k, bidirectional=bidirectional)
    arrays = one_pass(JAX, model, parameters, batch)
    assert_right(arrays, expected(model, parameters, batch))
    assert_zero_where_padded(arrays, model, batch)


@pytest.mark.parametrize("k", range(1, 9))
def test_a_pass_that_is_split_over_time_is_the_oracles(k):
    problem, schedule = combination(k, bidirectional=False), SCHEDULES[k % 4]
    assert_right(one_pass(JAX, *problem, schedule=schedule), expected(*problem, schedule))


def test_masks_of_an_mlp_are_the_oracles():
    model, parameters, batch = small("mlp", "last", "cross_entropy")
    batch = equipped(model, batch, ("masks",))
    assert_right(one_pass(JAX, model, parameters, batch), expected(model, parameters, batch))


@pytest.mark.parametrize(("cell", "readout", "schedule"), [
    ("lstm", "all", Schedule()),
    ("gru", "last", Schedule()),
    ("rnn", "last", Schedule(truncation=(2, 4))),
    ("lstm", "all", Schedule(checkpoint=3)),
])  # fmt: skip
def test_one_program_takes_all_lengths_and_whatever_the_padding_holds(cell, readout, schedule):
    model, parameters, batch = small(cell, readout, "cross_entropy")
    one_pass(JAX, model, parameters, padded(model, batch, [1, 2, 3]), schedule=schedule)
    with compilations() as compiled:
        for lengths in LENGTHS.values():
            passes = [
                one_pass(JAX, model, parameters, padded(model, batch, lengths, junk), schedule=schedule)
                for junk in (0, 1e300, np.nan)
            ]
            for other in passes[1:]:
                assert all(np.array_equal(passes[0][name], other[name]) for name in other)
            assert_right(passes[-1], expected(model, parameters, padded(model, batch, lengths), schedule))
    assert not compiled


@pytest.mark.parametrize(("activation", "readout", "schedule"), [
    ("relu", "all", None),
    ("identity", "last", None),
    ("identity", "all", Schedule(truncation=(2, 3))),
    ("relu", "none", Schedule(checkpoint=7)),
])  # fmt: skip
def test_states_that_would_overflow_in_the_padding_do_not(activation, readout, schedule):
    model, parameters, batch = small("rnn", readout, activation=activation, bidirectional=schedule is None, steps=60)
    for name in parameters:
        parameters[name] = np.abs(parameters[name]) * (1e20 if "weight_hh" in name else 1)  # 1e308 is the largest
    batch = padded(model, batch, [3, 1, 2])
    arrays = one_pass(JAX, model, parameters, batch, schedule=schedule or Schedule())
    assert all(np.isfinite(array).all() for array in arrays.values())
    assert_zero_where_padded(arrays, model, batch)


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_a_sequence_carried_on_is_the_whole_one(cell):
    model, parameters, whole = small(cell, "none", "inner_product")
    start = tuple(np.zeros((2, 3, 3)) for _ in range(2 if cell == "lstm" else 1))
    network = JAX.build(model, parameters, dtype="float64")
    first = network.forward(network.put(replace(whole, inputs=whole.inputs[:4], state=start)))
    rest = replace(whole, inputs=whole.inputs[4:], state=tuple(map(network.fetch, first.last_state)))
    second = network.forward(network.put(rest))
    outputs = network.fetch(network.forward(network.put(whole)).outputs)
    assert_same({"outputs": network.fetch(second.outputs)}, {"outputs": outputs}, 1e-14)


@pytest.mark.parametrize(("dtype", "loss"), list(zip(("bfloat16", "float16", "float16"), LOSSES, strict=True)))
def test_half_precision_stays_what_it_is(dtype, loss):
    model, parameters, batch = small("gru", "all", loss, 1)
    arrays = one_pass(JAX, model, parameters, equipped(model, batch, EQUIPMENT[1]), dtype=dtype)
    for name, array in arrays.items():
        assert array.dtype == jax.numpy.dtype(dtype), name
        assert np.isfinite(array.astype("float32")).all(), name


def test_a_step_learns_from_the_steps_that_count():
    model, parameters, batch = small("lstm", bidirectional=True)
    batch = padded(model, batch, [2, 7, 5])
    network = JAX.build(model, parameters, dtype="float64")
    network.step(network.put(batch), SGD(lr=0.5))
    gradients = expected(model, parameters, batch)
    moved = {name: p - 0.5 * gradients[name] for name, p in parameters.items()}
    assert_same({name: network.fetch(p) for name, p in network.parameters.items()}, moved, 1e-12)
