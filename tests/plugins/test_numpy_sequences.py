"""The numpy backend with lengths, carried states, masks and two directions, against the oracle and its plain passes.

That all four are right one by one, on every backend, is asked by the conformance checks.
"""

from dataclasses import replace
from functools import partial
from itertools import chain, combinations

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.errors import UserError
from gradsuite.model import ACTIVATIONS, CELLS, LOSSES, READOUTS, Model
from gradsuite.parameters import initialise
from gradsuite.schedule import Schedule
from gradsuite_numpy.backend import NumpyBackend
from gradsuite_numpy.stretch import Stretch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plugins import passes
from tests.plugins.passes import RECURRENT, assert_same, oracle, random_batch, whole_batch

run = partial(passes.run, NumpyBackend())
OPTIONAL = ("lengths", "state", "masks")
SUBSETS = list(chain.from_iterable(combinations(OPTIONAL, count) for count in range(4)))
STEPS, SIZE = 7, 4
RAGGED = np.array([3, 7, 1, 5])


@st.composite
def sequences(draw):
    """Draw a model, its parameters, a batch with some of what it may have, and a schedule for one direction."""
    cell, readout, both = draw(st.sampled_from(RECURRENT)), draw(st.sampled_from(READOUTS)), draw(st.booleans())
    sizes = st.integers(1, 3)
    model = Model(
        cell,
        draw(sizes),
        draw(sizes),
        0 if readout == "none" else draw(sizes),
        draw(st.integers(1, 3)),
        draw(st.sampled_from(ACTIVATIONS[cell])),
        readout,
        draw(st.sampled_from(LOSSES)),
        both,
    )
    k1, more = draw(st.integers(1, 4)), draw(st.integers(0, 3))
    split = [Schedule(), Schedule(checkpoint=k1), Schedule(truncation=(k1, k1 + more))]
    seed = draw(st.integers(0, 99))
    batch = whole_batch(model, draw(st.integers(1, 7)), draw(st.integers(1, 4)), draw(st.sampled_from(SUBSETS)), seed)
    return model, initialise(model, seed=seed), batch, split[0] if both else draw(st.sampled_from(split))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(sequences())
def test_everything_together_is_the_oracles(problem):
    *asked, schedule = problem
    assert_same(run(*asked, schedule=schedule), oracle(*asked, schedule.truncation))


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("activation", ACTIVATIONS["mlp"])
@pytest.mark.parametrize("readout", ["last", "none"])
def test_masks_of_an_mlp_are_the_oracles(activation, readout, layers):
    model = Model("mlp", 2, 3, 0 if readout == "none" else 2, layers, activation, readout)
    problem = model, initialise(model), whole_batch(model, 1, 5, ("masks",))
    assert_same(run(*problem), oracle(*problem))


@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "both"])
@pytest.mark.parametrize(("cell", "readout"), [("rnn", "all"), ("lstm", "last"), ("gru", "none"), ("lstm", "all")])
def test_padding_may_hold_anything(cell, readout, bidirectional):
    model = Model(cell, 2, 3, 0 if readout == "none" else 3, 2, "tanh", readout, "mse", bidirectional)
    parameters, batch = initialise(model), replace(random_batch(model, STEPS, SIZE), lengths=RAGGED)
    expected = run(model, parameters, batch)
    batch.inputs[~batch.valid] = np.nan
    if readout == "all":
        batch.targets[~batch.valid] = np.inf
    for name, array in run(model, parameters, batch).items():
        assert np.array_equal(array, expected[name]), name


@pytest.mark.parametrize("lengths", [RAGGED, [1] * SIZE, [4] * SIZE, [STEPS] * SIZE], ids=str)
@pytest.mark.parametrize("schedule", [Schedule(), Schedule(checkpoint=3), Schedule(truncation=(2, 4))], ids=str)
def test_gradients_past_a_length_are_exactly_zero(schedule, lengths):
    model = Model("lstm", 2, 3, 2, 2, readout="all", loss="cross_entropy")
    batch = replace(random_batch(model, STEPS, SIZE), lengths=np.array(lengths))
    arrays = run(model, initialise(model), batch, schedule=schedule)
    for name in ("outputs", "states", "cell_states"):
        by_sequence = arrays[name] if name == "outputs" else np.moveaxis(arrays[name], 2, 1)
        assert not by_sequence[~batch.valid].any(), name
        assert by_sequence[batch.valid].any(), name


@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "both"])
@pytest.mark.parametrize("activation", ["relu", "identity"])
@pytest.mark.parametrize("readout", ["last", "all"])
def test_what_overflows_in_the_padding_leaves_no_trace(activation, readout, bidirectional):
    model = Model("rnn", 1, 2, 2, 2, activation, readout, "mse", bidirectional)
    parameters = {name: np.abs(p) + 1 for name, p in initialise(model).items()}
    long = replace(random_batch(model, 400, 2), lengths=np.array([2, 3]))  # 2^400 is infinite in float32
    short = replace(long, inputs=long.inputs[:3], targets=long.targets[:3] if readout == "all" else long.targets)
    arrays, expected = (run(model, parameters, one, dtype="float32") for one in (long, short))
    for name, array in expected.items():
        assert np.isfinite(array).all()
        assert_same({name: arrays[name][: len(array)] if np.ndim(array) > 2 else arrays[name]}, {name: array}, 1e-5)


@pytest.mark.parametrize("readout", ["last", "all"])
@pytest.mark.parametrize("cell", RECURRENT)
def test_lengths_of_all_steps_are_no_lengths(cell, readout):
    model = Model(cell, 2, 3, 2, 2, readout=readout)
    parameters, batch = initialise(model), random_batch(model, STEPS, SIZE)
    arrays = run(model, parameters, replace(batch, lengths=np.full(SIZE, STEPS)))
    assert all(np.array_equal(array, arrays[name]) for name, array in run(model, parameters, batch).items())


@pytest.mark.parametrize("cell", RECURRENT)
def test_two_halves_carried_on_are_a_whole_truncated_between_them(cell):
    model = Model(cell, 2, 3, 2, 2, readout="all")
    parameters, whole = initialise(model), whole_batch(model, 8, SIZE, ("state", "masks"))
    expected = run(model, parameters, whole, schedule=Schedule(truncation=(4, 4)))
    network = NumpyBackend().build(model, parameters, dtype="float64")
    state, total = whole.state, dict.fromkeys(parameters, 0.0)
    for part in (slice(0, 4), slice(4, 8)):
        batch = Batch(whole.inputs[part], whole.targets[part], state=state, masks=whole.masks[part])
        tape = network.forward(network.put(batch))
        state = tape.last_state
        for name, gradient in network.backward(tape).parameters.items():
            total[name] = total[name] + gradient / 2
    assert_same(total, {name: expected[name] for name in total})
    assert_same(dict(enumerate(state)), {k: expected[f"last_state{k}"] for k in range(len(state))})


@pytest.mark.parametrize("features", [("state",), OPTIONAL], ids="-".join)
@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "both"])
def test_nothing_given_is_overwritten_later(features, bidirectional):
    model = Model("lstm", 2, 3, 2, 2, "tanh", "all", "mse", bidirectional)
    parameters, (first, second) = initialise(model), (whole_batch(model, STEPS, SIZE, features, s) for s in (2, 4))
    expected = run(model, parameters, first)
    network = NumpyBackend().build(model, parameters, dtype="float64")
    put = network.put(first)
    for array in (first.inputs, first.targets, *first.state, *(getattr(first, f) for f in features if f != "state")):
        array[...] = 1  # what was put is a copy
    tape = network.forward(put, states=True)
    gradients = network.backward(tape)
    network.backward(network.forward(network.put(second), states=True))
    for name, parts in (("last", tape.last_state), ("initial", gradients.initial_state)):
        for k, part in enumerate(parts):
            assert np.array_equal(part, expected[f"{name}_state{k}"])
    assert np.array_equal(gradients.states, expected["states"])
    assert np.array_equal(gradients.cell_states, expected["cell_states"])
    again = network.fetch_gradients(network.backward(network.forward(put)))
    assert all(np.array_equal(array, expected[name]) for name, array in again.parameters.items())


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("cell", CELLS)
def test_other_precisions_keep_their_dtype(cell, dtype):
    model = Model(cell, 2, 3, 2, 2, bidirectional=cell != "mlp")
    batch = whole_batch(model, STEPS, SIZE, OPTIONAL if model.recurrent else ("masks",))
    assert {array.dtype.name for array in run(model, initialise(model), batch, dtype=dtype).values()} == {dtype}


def test_a_class_out_of_range_is_refused_where_it_counts():
    model = Model("rnn", 2, 3, 3, readout="all", loss="cross_entropy")
    network, batch = NumpyBackend().build(model, initialise(model)), random_batch(model, STEPS, SIZE)
    batch.targets[5, 0] = -100
    network.put(replace(batch, lengths=RAGGED))
    with pytest.raises(UserError, match="classes must be 0 to 2, not -100"):
        network.put(replace(batch, lengths=np.full(SIZE, 6)))


@pytest.mark.parametrize("lengths", [None, RAGGED], ids=["whole", "ragged"])
def test_read_from_the_other_end_twice_a_sequence_is_itself(lengths):
    a = np.arange(STEPS * SIZE * 2.0).reshape(STEPS, SIZE, 2)
    stretch = Stretch(Batch(a, a, lengths=lengths), 0, STEPS)
    turned = stretch.turned(a)
    assert np.array_equal(stretch.turned(turned), a)
    for k, n in enumerate([STEPS] * SIZE if lengths is None else lengths):
        assert np.array_equal(turned[:n, k], a[:n, k][::-1])
        assert np.array_equal(turned[n:, k], a[n:, k])


def test_a_sequence_that_ended_before_a_stretch_has_no_steps_in_it():
    a = np.ones((STEPS, SIZE, 2))
    stretch = Stretch(Batch(a, a, lengths=RAGGED), 3, 6)
    assert stretch.counts.tolist() == [0, 3, 0, 2]
    states = np.arange(4.0)[:, None, None] * np.ones((4, SIZE, 2))
    assert stretch.after(states)[:, 0].tolist() == [0, 3, 0, 2]
    stretch.clear(states)
    assert states[:, :, 0].T.tolist() == [[0, 0, 0, 0], [0, 1, 2, 3], [0, 0, 0, 0], [0, 1, 2, 0]]
