"""Tasks: shapes that their models accept, the numbers that the literature gives, real data that are really there."""

import numpy as np
import pytest
from gradsuite.errors import UserError
from gradsuite.plugins import Plugins
from gradsuite.tasks import register_tasks
from gradsuite.tasks.real import digits, sunspots
from gradsuite.tasks.task import Task, flatten
from hypothesis import given
from hypothesis import strategies as st

NAMES = ("adding", "copy", "delayed-copy", "digits", "noise", "parity", "sunspots", "temporal-order", "variable-copy")
REAL = ("co2", "digits-permuted", "digits-pixels", "japanese-vowels", "language", "macro", "mnist1d", "sp500-returns",
        "sp500-volatility")  # fmt: skip
FILES = ("csv", "npz")  # of somebody's own: tests/suite/tasks/files


class BuiltIn:
    register_tasks = staticmethod(register_tasks)


def task(name: str) -> Task:
    return Plugins({"tasks": BuiltIn}).tasks[name].load()()


def drawn(name, *, size=5, length=30, seed=0, cell="gru"):
    chosen = task(name)
    length = digits.ROWS if name == "digits" else length
    model = chosen.model(cell, 7, length=length)
    return chosen, model, chosen.batch(np.random.default_rng(seed), model, size=size, length=length)


def test_these_are_the_built_in_tasks():
    assert sorted(Plugins({"tasks": BuiltIn}).tasks) == sorted((*NAMES, *REAL, *FILES))
    for name in (*NAMES, *REAL):
        one = Plugins({"tasks": BuiltIn}).tasks[name].load()
        assert one.name == name
        assert one.summary
        assert one.source


@pytest.mark.parametrize("name", NAMES)
@given(size=st.integers(1, 9), length=st.integers(21, 60))
def test_a_batch_is_what_its_model_reads(name, size, length):
    _, model, batch = drawn(name, size=size, length=length)
    steps = digits.ROWS if name == "digits" else length
    assert batch.inputs.shape == (steps, size, model.input_size)
    assert batch.targets.shape == model.targets_shape(batch.inputs.shape)
    assert np.issubdtype(batch.targets.dtype, np.integer) == (model.loss == "cross_entropy")
    if model.loss == "cross_entropy":
        assert batch.targets.min() >= 0
        assert batch.targets.max() < model.output_size


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_depends_on_the_generator_alone(name):
    first, again, other = (drawn(name, seed=seed)[2] for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.inputs, again.inputs)
    np.testing.assert_array_equal(first.targets, again.targets)
    assert not np.array_equal(first.inputs, other.inputs)


@pytest.mark.parametrize("name", ["adding", "digits", "noise", "parity", "sunspots", "temporal-order"])
def test_an_mlp_reads_all_time_steps_at_once(name):
    _, model, batch = drawn(name, cell="mlp")
    flat = flatten(batch)
    assert flat.inputs.shape == (5, model.input_size)
    np.testing.assert_array_equal(flat.inputs[2].reshape(len(batch.inputs), -1), batch.inputs[:, 2])
    assert flat.targets.shape == model.targets_shape(flat.inputs.shape)


@pytest.mark.parametrize(
    ("name", "length", "advice"),
    [
        ("adding", 1, "at least 2"),
        ("copy", 20, "at least 21"),
        ("temporal-order", 9, "at least 10"),
        ("sunspots", 309, "at most 308"),
    ],
)
def test_a_length_that_cannot_be_is_an_error_that_says_what_can(name, length, advice):
    with pytest.raises(UserError, match=advice):
        drawn(name, length=length)


def test_digits_have_eight_rows():
    chosen = task("digits")
    with pytest.raises(UserError, match="length must be 8, not 9"):
        chosen.batch(np.random.default_rng(0), chosen.model("rnn", 4), size=2, length=9)


def test_noise_targets_are_unit_vectors_and_there_is_no_readout():
    _, model, batch = drawn("noise", size=50)
    assert (model.readout, model.loss, model.output_size) == ("none", "inner_product", 0)
    np.testing.assert_allclose(np.linalg.norm(batch.targets, axis=-1), 1.0, rtol=1e-14)


def test_noise_is_standard_normal():
    # 30 x 4000 x 8 numbers: the mean's standard deviation is 1e-3, the variance's sqrt(2) 1e-3; five of each.
    inputs = drawn("noise", size=4000)[2].inputs
    assert abs(inputs.mean()) < 5e-3
    assert abs(inputs.var() - 1) < 5 * 2**0.5 * 1e-3


def test_adding_targets_are_the_marked_numbers():
    inputs, targets = (drawn("adding", size=40)[2].inputs, drawn("adding", size=40)[2].targets)
    numbers, marks = inputs[..., 0], inputs[..., 1]
    assert (marks[:15].sum(axis=0) == 1).all()
    assert (marks[15:].sum(axis=0) == 1).all()
    np.testing.assert_allclose((numbers * marks).sum(axis=0), targets[:, 0], rtol=1e-15)


def test_the_best_constant_for_adding_has_an_error_of_one_sixth():
    # The squared deviation of a sum of two uniforms has mean 1/6 and standard deviation sqrt(7/180) = .197
    # (its fourth moment is 1/15): over 20,000 sequences the mean is within 5 x .0014.
    targets = drawn("adding", size=20_000, length=4)[2].targets
    assert np.mean((targets - 1) ** 2) == pytest.approx(1 / 6, abs=5 * 0.197 / 20_000**0.5)


@given(length=st.integers(10, 120))
def test_temporal_order_has_its_two_symbols_where_the_paper_has_them(length):
    _, _, batch = drawn("temporal-order", size=30, length=length)
    tenth, middle = length // 10, length // 2
    relevant = batch.inputs[..., 2:].sum(axis=-1) == 0
    assert (relevant.sum(axis=0) == 2).all()
    assert (relevant[tenth : 2 * tenth].sum(axis=0) == 1).all()
    assert (relevant[middle : middle + tenth].sum(axis=0) == 1).all()
    is_b = batch.inputs[..., 1]
    first, second = is_b[:middle].sum(axis=0), is_b[middle:].sum(axis=0)
    np.testing.assert_array_equal(batch.targets, 2 * first + second)


def test_copy_repeats_the_first_ten_symbols_after_the_marker():
    _, _, batch = drawn("copy", size=6, length=33)
    symbols = batch.inputs.argmax(axis=-1)
    assert (symbols[10:22] == 8).all()
    assert (symbols[22] == 9).all()
    assert (symbols[23:] == 8).all()
    assert (batch.targets[:23] == 8).all()
    np.testing.assert_array_equal(batch.targets[23:], symbols[:10])


def test_digits_are_the_images_of_scikit_learn():
    images, classes = digits.load()
    assert images.shape == (1797, 8, 8)
    assert (images.min(), images.max()) == (0.0, 1.0)
    # The number of images of each digit, from the description of the data set in UCI's archive.
    assert np.bincount(classes).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_sunspots_are_the_published_series():
    series = sunspots.yearly()
    assert len(series) == 309
    # The yearly numbers of the greatest maximum, 1957, and of 1778, on the scale that 1700 (5) fixes; three years have
    # none.
    assert 1700 + series.argmax() == 1957
    assert [1700 + k for k in np.flatnonzero(series == series.min())] == [1711, 1712, 1810]
    assert (series[257] - series[0]) / (series[78] - series[0]) == pytest.approx((190.2 - 5) / (154.4 - 5))


def test_sunspots_target_is_the_year_after_the_window():
    _, _, batch = drawn("sunspots", size=4, length=21)
    series = (sunspots.yearly() - sunspots.yearly().mean()) / sunspots.yearly().std()
    for window, target in zip(batch.inputs[..., 0].T, batch.targets[:, 0], strict=True):
        start = np.flatnonzero([np.array_equal(series[k : k + 21], window) for k in range(309 - 21)])
        assert len(start) == 1
        assert series[start[0] + 21] == target
