"""Splits, epochs and lanes: every example once an epoch, none of the test among them, and no look ahead."""

import numpy as np
import pytest
from gradsuite.batch import Batch
from gradsuite.errors import UserError
from gradsuite.tasks.dataset import Dataset
from gradsuite.tasks.stream import Stream
from gradsuite.tasks.windows import Series, Windows, by_shares, standardised
from hypothesis import given
from hypothesis import strategies as st

from tests.suite.tasks.learnt import learnt

FORECASTS = [("sunspots", 20), ("co2", 24), ("macro", 8), ("sp500-returns", 30), ("sp500-volatility", 30)]


class Numbers(Dataset):
    """Examples that are their own places."""

    name, input_size, output_size, loss, readout = "numbers", 1, 1, "mse", "last"

    def __init__(self, examples):
        self.examples = examples

    def count(self, split, *, length):
        return self.examples

    def take(self, split, places, model, *, length):
        return Batch(np.zeros((length, len(places), 1)), places[:, np.newaxis].astype(float))


class Letters(Stream):
    """Steps that are their own places."""

    name, input_size, output_size, loss = "letters", 1, 1, "mse"

    def __init__(self, length):
        self.length = length

    def steps(self, split):
        return self.length

    def take(self, split, places):
        return Batch(places[..., np.newaxis].astype(float), places[..., np.newaxis] + 1.0)


@given(examples=st.integers(1, 40), size=st.integers(1, 12), epochs=st.integers(1, 3))
def test_an_epoch_shows_every_example_once(examples, size, epochs):
    task = Numbers(examples)
    steps = -(-examples * epochs // size)
    shown = np.concatenate([task.training_batch(5, step, None, size=size, length=1).targets for step in range(steps)])
    for epoch in range(epochs):
        of_epoch = shown[epoch * examples : (epoch + 1) * examples, 0]
        assert sorted(of_epoch) == list(range(examples))


def test_epochs_have_orders_of_their_own_and_seeds_too():
    task = Numbers(50)
    first, second, other = (
        task.training_batch(seed, step, None, size=50, length=1).targets.tolist()
        for seed, step in ((0, 0), (0, 1), (1, 0))
    )
    assert first != second
    assert first != other


@given(steps=st.integers(2, 60), size=st.integers(1, 5), length=st.integers(1, 6))
def test_lanes_carry_on_where_they_ended(steps, size, length):
    task = Letters(steps)
    if steps // size < length:
        with pytest.raises(UserError, match="must be at most that"):
            task.training_batch(0, 0, None, size=size, length=length)
        return
    pieces = task.steps_per_epoch(size=size, length=length)
    read = np.concatenate(
        [task.training_batch(0, piece, None, size=size, length=length).inputs[..., 0] for piece in range(pieces)]
    )
    assert (np.diff(read, axis=0) == 1).all()  # each lane is one run
    assert len(np.unique(read)) == read.size  # and no step is in two
    assert [task.restarts(k, size=size, length=length) for k in range(pieces + 1)] == [
        True,
        *[False] * (pieces - 1),
        True,
    ]


class Counted(Windows):
    """A series that counts."""

    name, input_size, output_size = "counted", 1, 1

    @property
    def series(self):
        values = np.arange(30.0)[:, np.newaxis]
        return Series(values, values, by_shares(30, 0.5, 0.2))


def test_a_window_ends_right_before_its_target():
    task = Counted()
    seen = []
    for split in ("train", "validation", "test"):
        for batch in task.evaluation_batches(split, None, size=4, length=3):
            np.testing.assert_array_equal(batch.inputs[-1, :, 0] + 1, batch.targets[:, 0])
            np.testing.assert_array_equal(np.diff(batch.inputs[..., 0], axis=0), 1.0)
            seen += batch.targets[:, 0].tolist()
    assert seen == list(range(3, 30))  # each target once, in order, but those with no window before them


def test_a_window_longer_than_what_there_is_to_train_on_is_refused_with_the_longest():
    with pytest.raises(UserError, match="length must be at most 14"):
        Counted().count("train", length=15)


@pytest.mark.parametrize(("name", "length"), FORECASTS)
def test_the_future_changes_neither_windows_nor_scales_of_the_past(name, length):
    task, model = learnt(name, length)
    series = task.series
    assert series.ends == tuple(sorted(series.ends))
    assert series.ends[0] < series.ends[1] < series.ends[2] <= len(series.targets)
    np.testing.assert_allclose(series.targets[: series.ends[0]].mean(axis=0), 0.0, atol=1e-12)
    last = task.take("train", np.array([task.count("train", length=length) - 1]), model, length=length)
    np.testing.assert_array_equal(last.inputs[:, 0], series.inputs[series.ends[0] - 1 - length : series.ends[0] - 1])
    np.testing.assert_array_equal(last.targets[0], series.targets[series.ends[0] - 1])


def test_standardising_knows_the_training_part_alone():
    values = np.random.default_rng(0).standard_normal((50, 2))
    changed = values.copy()
    changed[30:] += 1e6
    np.testing.assert_array_equal(standardised(values, 30)[:30], standardised(changed, 30)[:30])


@pytest.mark.parametrize(
    ("name", "length", "counts"),
    [
        ("digits", 8, (1437, 0, 360)),
        ("digits-pixels", 64, (1437, 0, 360)),
        ("digits-permuted", 64, (1437, 0, 360)),
        ("japanese-vowels", 29, (270, 0, 370)),
        ("sunspots", 20, (201, 35, 24)),
    ],
)
def test_splits_have_as_many_examples_as_are_published(name, length, counts):
    task, model = learnt(name, length)
    batches = [
        list(task.evaluation_batches(split, model, size=100, length=length))
        for split in ("train", "validation", "test")
    ]
    assert tuple(sum(batch.inputs.shape[1] for batch in of_split) for of_split in batches) == counts


def test_drawn_splits_do_not_share_sequences():
    task, model = learnt("adding", 12)
    drawn = [
        next(iter(task.evaluation_batches(split, model, size=5, length=12))).inputs for split in ("validation", "test")
    ]
    drawn.append(task.training_batch(0, 0, model, size=5, length=12).inputs)
    assert len({array.tobytes() for array in drawn}) == 3
    with pytest.raises(UserError, match="validation"):
        next(iter(task.evaluation_batches("validaton", model, size=5, length=12)))
