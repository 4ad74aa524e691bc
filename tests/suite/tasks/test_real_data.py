"""Real data are what they are said to be: published sizes and figures, against plain computations of their own."""

import hashlib
import platform
from itertools import pairwise

import numpy as np
import pytest

from tests.suite.tasks.learnt import learnt

# The text differs from Python to Python, so what is known of it is known of one.
TEXT_OF = {"3.11.7": (465_048, "2a95af4ac93f5b719944030ce3769070ddf827d847cba42192afa8da989e5dc4")}


def test_language_says_which_text_it_read():
    from pydoc_data.topics import topics

    (note,) = learnt("language", 64)[0].notes()
    text = "\n".join(topics[name] for name in sorted(topics))
    assert platform.python_version() in note
    assert f"{len(text):,} characters" in note
    assert hashlib.sha256(text.encode()).hexdigest() in note


@pytest.mark.skipif(platform.python_version() not in TEXT_OF, reason="the digest is that of another Python's text")
def test_language_is_the_text_whose_digest_is_recorded():
    characters, digest = TEXT_OF[platform.python_version()]
    task, _ = learnt("language", 64)
    assert len(task.characters) == characters
    assert digest in task.notes()[0]


def test_language_splits_follow_each_other_and_share_no_character():
    task, _ = learnt("language", 64)
    parts = [task.part(split) for split in ("train", "validation", "test")]
    np.testing.assert_array_equal(np.concatenate(parts), task.characters)


def test_language_asks_for_the_character_that_comes_next():
    task, model = learnt("language", 7)
    batch = task.training_batch(0, 0, model, size=3, length=7)
    assert batch.inputs.shape == (7, 3, 128)
    np.testing.assert_array_equal(batch.inputs.sum(axis=-1), 1.0)
    np.testing.assert_array_equal(batch.inputs.argmax(axis=-1)[1:], batch.targets[:-1])
    np.testing.assert_array_equal(batch.inputs.argmax(axis=-1)[:, 0], task.characters[:7])


def test_japanese_vowels_have_the_published_frames_and_speakers():
    task, model = learnt("japanese-vowels", 29)
    for split, counts in (("train", [30] * 9), ("test", [31, 35, 88, 44, 29, 24, 40, 50, 29])):  # UCI's description
        (batch,) = task.evaluation_batches(split, model, size=400, length=29)
        assert batch.inputs.shape == (29, sum(counts), 12)
        assert (batch.lengths.min(), batch.lengths.max()) == ((7, 26) if split == "train" else (7, 29))
        assert np.bincount(batch.targets).tolist() == counts
        assert not batch.inputs[~(np.arange(29)[:, np.newaxis] < batch.lengths)].any()


def test_japanese_vowels_are_standardised_by_the_frames_to_learn_from():
    task, _ = learnt("japanese-vowels", 29)
    frames = np.concatenate(task.utterances["train"][0])
    np.testing.assert_allclose(frames.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(frames.std(axis=0), 1.0, rtol=1e-12)


def test_volatility_of_the_index_is_explained_to_a_part_and_returns_are_not():
    volatility, returns = (learnt(name, 22)[0] for name in ("sp500-volatility", "sp500-returns"))
    assert len(returns.series.targets) == 5030  # 5,031 days
    # Seen: .29. On 754 days the standard error of an R^2 near .25 is about 2 (1 - R^2) R / sqrt(754) = .03.
    assert 1 - volatility.autoregression(22) / volatility.mean() > 0.29 - 3 * 0.03
    # An AR(1) fitted with coefficient p explains p (2 r - p) of a test with autocorrelation r. Of independent returns p
    # and r have standard deviations 1 / sqrt(n) over their days; five of each.
    train, validation, test = returns.series.ends
    p, r = 5 / train**0.5, 5 / (test - validation) ** 0.5
    assert abs(1 - returns.autoregression(1) / returns.mean()) < p * (2 * r + p)


@pytest.mark.parametrize(
    ("name", "length", "lag", "baseline"), [("co2", 24, 12, "a year before"), ("macro", 8, 1, "the quarter before")]
)
def test_repeating_an_earlier_value_errs_as_a_plain_loop_finds(name, length, lag, baseline):
    task, _ = learnt(name, length)
    targets, (_, validation, end) = task.series.targets[:, 0], task.series.ends
    errors = [(targets[k] - targets[k - lag]) ** 2 for k in range(validation, end)]
    assert task.baselines(length=length)[baseline] == pytest.approx(sum(errors) / len(errors), rel=1e-12)


def test_growth_is_the_difference_of_logarithms():
    from statsmodels.datasets import macrodata

    task, _ = learnt("macro", 8)
    gdp = macrodata.load_pandas().data["realgdp"].tolist()
    growth = [np.log(later / earlier) for earlier, later in pairwise(gdp)]
    known = growth[: task.series.ends[0]]
    np.testing.assert_allclose(task.series.targets[:, 0], (growth - np.mean(known)) / np.std(known), rtol=1e-9)


def test_mnist1d_is_made_alike_each_time_and_leaves_the_generators_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002  the one that its package seeds
    task, model = learnt("mnist1d", 40)
    assert [task.count(split, length=40) for split in ("train", "validation", "test")] == [4000, 0, 1000]
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    again, _ = learnt("mnist1d", 40)
    first, second = (one.take("test", np.arange(5), model, length=40) for one in (task, again))
    assert first.inputs.shape == (40, 5, 1)
    np.testing.assert_array_equal(first.inputs, second.inputs)
    np.testing.assert_array_equal(first.targets, second.targets)
