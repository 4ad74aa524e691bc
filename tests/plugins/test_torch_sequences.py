"""Lengths, carried states, masks and two directions in torch and torch-nn, against the oracle."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from gradsuite.errors import Unsupported
from gradsuite.model import READOUTS, Model
from gradsuite.optimizers import SGD
from gradsuite.parameters import initialise
from gradsuite.schedule import Schedule
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

from gradsuite_peers.torch_autograd import TorchAutograd
from gradsuite_peers.torch_nn import TorchNn
from gradsuite_torch.backend import TorchBackend

from tests.plugins.passes import RECURRENT, assert_same, random_batch
from tests.plugins.sequences import assert_right, assert_zero_where_padded, expected, one_pass, padded, problems

TORCH = TorchBackend()
STEPS = 7
LENGTHS = {"one": [1, 1, 1], "equal": [4, 4, 4], "ragged": [7, 5, 2], "unsorted": [2, 7, 5], "all": [7, 7, 7]}
SCHEDULES = [Schedule(), Schedule(truncation=(2, 3)), Schedule(truncation=(1, 9)), Schedule(checkpoint=3)]

# Every pair of a cell, a readout and a schedule.
LATIN = [(cell, READOUTS[(i + k) % 3], s) for i, cell in enumerate(RECURRENT) for k, s in enumerate(SCHEDULES)]


def small(cell, layers=2, readout="all", loss="mse", *, bidirectional=False, activation="tanh", steps=STEPS):
    outputs = 0 if readout == "none" else 2
    model = Model(cell, 2, 3, outputs, layers, activation, readout, loss, bidirectional)
    return model, initialise(model, seed=1), random_batch(model, steps, 3, 1)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problems())
def test_any_pass_is_the_oracles(problem):
    model, _, batch = problem
    arrays = one_pass(TORCH, *problem)
    assert_right(arrays, expected(*problem))
    assert_zero_where_padded(arrays, model, batch)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problems(bidirectional=(False,)), st.integers(1, 4), st.integers(0, 4), st.booleans())
def test_any_pass_that_is_split_over_time_is_the_oracles(problem, every, more, truncated):
    schedule = Schedule(truncation=(every, every + more)) if truncated else Schedule(checkpoint=every)
    assert_right(one_pass(TORCH, *problem, schedule=schedule), expected(*problem, schedule))


@settings(max_examples=20, deadline=None, derandomize=True)
@given(problems(cells=("mlp",), features=("masks",), bidirectional=(False,)))
def test_masks_of_an_mlp_are_the_oracles(problem):
    assert_right(one_pass(TORCH, *problem), expected(*problem))


@settings(max_examples=20, deadline=None, derandomize=True)
@given(problems(cells=("lstm",)), st.booleans())
def test_the_fused_kernel_runs_what_it_can_and_no_more(problem, states):
    arrays = one_pass(TORCH, *problem, states=states, dtype="float32")
    reference = expected(*problem, kinds=("states", "cell_states") if states else ())
    assert_right(arrays, reference, 2e-5)  # some sums cancel


@settings(max_examples=40, deadline=None, derandomize=True)
@given(problems(features=("lengths", "state")))
def test_any_pass_of_a_packed_sequence_is_the_oracles(problem):
    if TorchNn().describe().refusal(problem[0], "cpu", "float64") is None:
        assert_right(one_pass(TorchNn(), *problem, states=False), expected(*problem, kinds=()))


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize(("cell", "readout", "schedule"), LATIN, ids=str)
def test_what_the_padding_holds_changes_no_bit(cell, readout, schedule, lengths):
    model, parameters, batch = small(cell, readout=readout)
    passes = [
        one_pass(TORCH, model, parameters, padded(model, batch, LENGTHS[lengths], junk), schedule=schedule)
        for junk in (0, 1e300, np.nan)
    ]
    for other in passes[1:]:
        assert all(np.array_equal(passes[0][name], other[name]) for name in other)
    assert_right(passes[-1], expected(model, parameters, padded(model, batch, LENGTHS[lengths]), schedule))


@pytest.mark.parametrize("activation", ["relu", "identity"])
@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("schedule", [*SCHEDULES, None], ids=str)
def test_states_that_would_overflow_in_the_padding_do_not(activation, readout, schedule):
    model, parameters, batch = small("rnn", 2, readout, activation=activation, bidirectional=schedule is None, steps=60)
    for name in parameters:
        parameters[name] = np.abs(parameters[name]) * (1e20 if "weight_hh" in name else 1)  # 1e308 is the largest
    batch = padded(model, batch, [3, 1, 2])
    arrays = one_pass(TORCH, model, parameters, batch, schedule=schedule or Schedule())
    assert all(np.isfinite(array).all() for array in arrays.values())
    assert_zero_where_padded(arrays, model, batch)


@pytest.mark.parametrize(("cell", "readout"), [*product(RECURRENT, ("last", "all"))])
def test_all_of_the_same_full_length_are_as_without_lengths(cell, readout):
    for bidirectional in (False, True):
        model, parameters, batch = small(cell, readout=readout, bidirectional=bidirectional)
        whole = one_pass(TORCH, model, parameters, padded(model, batch, [STEPS] * 3))
        assert_same(whole, one_pass(TORCH, model, parameters, batch), 1e-14)


@pytest.mark.parametrize("backend", [TORCH, TorchNn()], ids=lambda backend: backend.name)
@pytest.mark.parametrize("cell", RECURRENT)
def test_a_sequence_carried_on_is_the_whole_one_and_keeps_its_memory(backend, cell):
    model, parameters, whole = small(cell, readout="none", loss="inner_product")
    start = tuple(np.zeros((2, 3, 3)) for _ in range(2 if cell == "lstm" else 1))
    network = backend.build(model, parameters, dtype="float64")
    first = network.forward(network.put(replace(whole, inputs=whole.inputs[:4], state=start)))
    carried = tuple(map(network.fetch, first.last_state))
    network.backward(first)
    rest = replace(whole, inputs=whole.inputs[4:], state=carried)
    second = network.forward(network.put(rest))
    assert_same(
        {"outputs": network.fetch(second.outputs)}, {"outputs": one_pass(TORCH, model, parameters, whole)["outputs"]}
    )
    network.backward(second)
    for kept, before in zip(first.last_state, carried, strict=True):
        assert np.array_equal(network.fetch(kept), before)


@pytest.mark.parametrize("cell", RECURRENT)
def test_a_step_learns_from_the_steps_that_count(cell):
    model, parameters, batch = small(cell)
    batch = padded(model, batch, [2, 7, 5])
    for dtype, bound in (("float64", 1e-12), ("float32", 1e-5)):
        network = TORCH.build(model, parameters, dtype=dtype)
        network.step(network.put(batch), SGD(lr=0.5))
        gradients = expected(model, parameters, batch)
        moved = {name: p - 0.5 * gradients[name] for name, p in parameters.items()}
        assert_same({name: network.fetch(p) for name, p in network.parameters.items()}, moved, bound)


def test_peers_refuse_what_they_do_not_do():
    model, parameters, batch = small("lstm")
    masks = np.ones((1, 2, 3, 3))
    with pytest.raises(Unsupported, match="no batches with masks"):
        TorchNn().build(model, parameters).put(replace(batch, masks=masks))
    with pytest.raises(Unsupported, match="no batches with lengths"):
        TorchAutograd().build(model, parameters).put(padded(model, batch, [1, 2, 3]))
    both, named, _ = small("lstm", bidirectional=True)
    with pytest.raises(Unsupported, match="no feature 'bidirectional'"):
        TorchAutograd().build(both, named)
