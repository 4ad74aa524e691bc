"""What the tasks of symbols, bits, images and speech hold, against plain loops and the packages they come from."""

import random

import numpy as np
import pytest
from gradsuite.errors import UserError
from gradsuite.tasks.real import digits, japanese_vowels
from gradsuite.tasks.real.language import CHARACTERS
from hypothesis import given
from hypothesis import strategies as st

from tests.suite.tasks.learnt import learnt


def drawn(name, length, size=20):
    task, model = learnt(name, length)
    return task.batch(np.random.default_rng(3), model, size=size, length=length)


@given(length=st.integers(1, 40))
def test_parity_counts_the_ones(length):
    batch = drawn("parity", length)
    for bits, odd in zip(batch.inputs[..., 0].T, batch.targets, strict=True):
        assert sum(bit == 1 for bit in bits) % 2 == odd
        assert set(bits) <= {-1.0, 1.0}


@given(length=st.integers(2, 40))
def test_delayed_copy_answers_half_a_sequence_later(length):
    batch = drawn("delayed-copy", length)
    for example in range(20):
        for t in range(length):
            due = t - length // 2
            expected = 8 if due < 0 else batch.inputs[due, example].argmax()
            assert batch.targets[t, example] == expected


@given(length=st.integers(21, 50))
def test_variable_copy_repeats_what_each_sequence_began_with(length):
    batch = drawn("variable-copy", length)
    batch.check(learnt("variable-copy", length)[1])
    for example, end in enumerate(batch.lengths):
        symbols = batch.inputs[:end, example].argmax(axis=-1)
        answers = batch.targets[:end, example]
        count = int((answers < 8).sum())
        assert 1 <= count <= 10
        assert end == length - 2 * (10 - count)
        assert symbols[end - count - 1] == 9
        np.testing.assert_array_equal(answers[-count:], symbols[:count])
        assert (answers[:-count] == 8).all()
        assert (symbols[count : end - count - 1] == 8).all()


def test_digits_by_pixels_are_the_rows_one_after_another_and_permuted_ones_the_same_pixels():
    images = digits.load()[0]
    rows, pixels, permuted = (
        learnt(name, length)[0].sequences
        for name, length in (("digits", 8), ("digits-pixels", 64), ("digits-permuted", 64))
    )
    np.testing.assert_array_equal(rows, images)
    np.testing.assert_array_equal(pixels[..., 0], images.reshape(-1, 64))
    np.testing.assert_array_equal(np.sort(permuted, axis=1), np.sort(pixels, axis=1))
    # Scores of another order could not be compared with those of this one.
    np.testing.assert_array_equal(permuted[:, :8], pixels[:, [16, 36, 27, 8, 44, 23, 53, 4]])


def test_every_digit_is_learnt_from_or_tested_and_none_is_both():
    train, test = digits.SPLITS["train"], digits.SPLITS["test"]
    assert sorted([*train, *test]) == list(range(1797))
    assert len(set(train)) == 1437
    task, model = learnt("digits", 8)
    batch = task.take("test", np.arange(3), model, length=8)
    np.testing.assert_array_equal(batch.inputs.transpose(1, 0, 2), digits.load()[0][test[:3]])
    np.testing.assert_array_equal(batch.targets, digits.load()[1][test[:3]])


@pytest.mark.parametrize(
    ("name", "length"), [("digits", 9), ("digits-pixels", 8), ("japanese-vowels", 30), ("mnist1d", 41)]
)
def test_sequences_of_one_length_have_no_other(name, length):
    task, model = learnt(name, length)
    with pytest.raises(UserError, match=rf"length must be \d+, not {length}"):
        task.training_batch(0, 0, model, size=2, length=length)


def test_mnist1d_is_the_package_s_own_and_leaves_the_generators_alone():
    made = pytest.importorskip("mnist1d.data", reason="the data package mnist1d is not installed")
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    task, model = learnt("mnist1d", 40)
    batch = next(iter(task.evaluation_batches("test", model, size=1000, length=40)))
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002
    assert batch.inputs.shape == (40, 1000, 1)
    assert task.count("train", length=40) == 4000
    kept = random.getstate(), np.random.get_state()  # noqa: NPY002
    data = made.make_dataset()
    random.setstate(kept[0])
    np.random.set_state(kept[1])  # noqa: NPY002
    np.testing.assert_array_equal(batch.inputs[..., 0].T, data["x_test"])
    np.testing.assert_array_equal(batch.targets, data["y_test"])


def test_japanese_vowels_are_thirty_utterances_of_each_speaker_of_7_to_29_frames():
    try:
        japanese_vowels.folder()
    except UserError as error:
        pytest.skip(str(error))
    task, model = learnt("japanese-vowels", 29)
    batch = next(iter(task.evaluation_batches("train", model, size=270, length=29)))
    assert np.bincount(batch.targets).tolist() == [30] * 9
    assert (batch.lengths.min(), batch.lengths.max()) == (7, 26)
    assert (batch.inputs[~batch.valid] == 0).all()
    test = next(iter(task.evaluation_batches("test", model, size=370, length=29)))
    assert np.bincount(test.targets).tolist() == [31, 35, 88, 44, 29, 24, 40, 50, 29]  # as the archive lists them
    assert (test.lengths.min(), test.lengths.max()) == (7, 29)
    np.testing.assert_allclose(batch.inputs[batch.valid].mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(batch.inputs[batch.valid].std(axis=0), 1.0, rtol=1e-12)


def test_vowels_that_are_not_installed_are_named_with_the_command_that_brings_them(monkeypatch):
    task, model = learnt("japanese-vowels", 29)
    monkeypatch.setattr(japanese_vowels, "PACKAGES", ("no_such_package",))
    with pytest.raises(UserError, match="pip install --no-deps aeon"):
        task.training_batch(0, 0, model, size=2, length=29)


def test_the_language_is_the_help_of_this_python_in_three_parts():
    from pydoc_data.topics import topics

    task, _ = learnt("language", 10)
    text = "\n".join(topics[name] for name in sorted(topics))
    parts = [task.part(split) for split in ("train", "validation", "test")]
    assert sum(map(len, parts)) == len(text)
    assert "".join(chr(number) for number in parts[0][:1000]) == text[:1000]
    batch = task.take("test", np.arange(5)[:, np.newaxis])
    assert batch.inputs.shape == (5, 1, CHARACTERS)
    np.testing.assert_array_equal(batch.inputs[1:, 0].argmax(axis=-1), batch.targets[:-1, 0])
