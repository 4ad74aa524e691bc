"""Examples of one's own: what shapes mean, splits, lengths, and the same arrays packed or not."""

import numpy as np
import pytest
from gradsuite.errors import UserError
from gradsuite.plugins import Plugins
from gradsuite.tasks import register_tasks
from gradsuite.tasks.task import SPLITS
from hypothesis import given
from hypothesis import strategies as st

RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(40, 6, 2))
LENGTHS = RNG.integers(1, 7, 40)
TARGETS = {
    "one number": (RNG.normal(size=40), 1, "mse", "last"),
    "numbers": (RNG.normal(size=(40, 3)), 3, "mse", "last"),
    "numbers at every step": (RNG.normal(size=(40, 6, 3)), 3, "mse", "all"),
    "classes": (np.arange(40) % 4, 4, "cross_entropy", "last"),
    "classes at every step": (np.arange(240).reshape(40, 6) % 5, 5, "cross_entropy", "all"),
    "words": (np.array(["yes", "no"] * 20), 2, "cross_entropy", "last"),
    "truth": (np.arange(40) % 3 == 0, 2, "cross_entropy", "last"),
}


class BuiltIn:
    register_tasks = staticmethod(register_tasks)


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("examples"))
        yield


def examples(query="", *, save=np.savez, **arrays):
    save("data.npz", **{"inputs": INPUTS, "targets": TARGETS["classes"][0]} | arrays)
    return Plugins({"tasks": BuiltIn}).task(f"npz:data.npz{query}")


def batches(task, split, size=7):
    return list(task.evaluation_batches(split, task.model("gru", 3), size=size, length=6))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("kind", TARGETS)
def test_a_batch_is_what_its_model_reads(kind, lengths, save):
    targets, outputs, loss, readout = TARGETS[kind]
    ragged = {} if lengths is None else {"lengths": lengths}
    task = examples("?split=1;0;0", save=save, targets=targets, **ragged)
    assert (task.output_size, task.loss, task.readout, task.only_length) == (outputs, loss, readout, 6)
    model = task.model("lstm", 3)
    batch = task.batch(np.random.default_rng(0), model, size=5, length=6)
    batch.check(model)
    assert batch.inputs.shape == (6, 5, 2)
    assert batch.targets.shape == model.targets_shape(batch.inputs.shape)
    assert np.issubdtype(batch.targets.dtype, np.integer) == (loss == "cross_entropy")
    order = np.random.default_rng(0).permutation(40)  # how examples are shared out
    for start, found in zip(range(0, 40, 7), batches(task, "train"), strict=True):
        chosen = order[start : start + 7]
        steps = np.full(len(chosen), 6) if lengths is None else lengths[chosen]
        valid = np.arange(6)[:, np.newaxis] < steps
        np.testing.assert_array_equal(found.inputs[valid], INPUTS[chosen].transpose(1, 0, 2)[valid])
        np.testing.assert_array_equal(found.valid, valid)
        wanted = np.searchsorted(["no", "yes"], targets[chosen]) if kind == "words" else targets[chosen]
        if readout == "all":
            np.testing.assert_array_equal(found.targets[valid], wanted.swapaxes(0, 1)[valid])
        else:
            np.testing.assert_array_equal(found.targets.reshape(wanted.shape), wanted)


def test_inputs_of_one_number_a_step_and_arrays_in_fortran_order_are_read():
    flat = examples("?split=1;0;0", inputs=INPUTS[..., 0])
    assert flat.input_size == 1
    turned = examples("?split=1;0;0", inputs=np.asfortranarray(INPUTS))
    np.testing.assert_array_equal(turned.arrays.inputs, INPUTS)


def test_padding_may_hold_anything():
    padded = np.where(np.arange(6)[:, np.newaxis] < LENGTHS[:, np.newaxis, np.newaxis], INPUTS, np.nan)
    task = examples("?standardise=yes", inputs=padded, lengths=LENGTHS)
    for batch in batches(task, "train"):
        assert np.isfinite(batch.inputs).all()
    known = np.concatenate([INPUTS[place, : LENGTHS[place]] for place in task.parts["train"]])
    np.testing.assert_allclose(task.scaling.mean, known.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(task.scaling.deviation, known.std(axis=0), rtol=1e-12)


@given(shares=st.sampled_from([(0.7, 0.15, 0.15), (0.5, 0.5, 0.0), (0.5, 0.0, 0.5)]))
def test_examples_are_shared_out_once_each(shares):
    task = examples(f"?split={';'.join(map(str, shares))}")
    assert [len(task.parts[split]) for split in SPLITS] == [round(share * 40) for share in shares]
    assert sorted(np.concatenate(list(task.parts.values()))) == list(range(40))


def test_a_file_may_bring_its_own_splits():
    words = np.array(["train", "test", "train", "validation"] * 10)
    by_word = examples(split=words)
    places = {split: np.flatnonzero(words == split) for split in SPLITS}
    by_place = examples(**places)
    for task in (by_word, by_place):
        for split in SPLITS:
            np.testing.assert_array_equal(task.parts[split], places[split])
    only = examples(train=np.arange(30), test=np.arange(30, 40))
    assert batches(only, "validation") == []
    assert "30 for training, 0 for validation, 10 for test, as the file has them" in only.notes()


def test_baselines_are_what_the_training_split_alone_would_say():
    targets = np.array([0] * 12 + [1] * 8 + [1] * 15 + [0] * 5)
    places = {"train": np.arange(20), "test": np.arange(20, 40)}
    assert examples(targets=targets, **places).baselines(length=6) == {"most frequent class": 0.25}
    numbers = TARGETS["numbers at every step"][0]
    task = examples(targets=numbers, lengths=LENGTHS, **places)
    used = [np.concatenate([numbers[k, : LENGTHS[k]] for k in places[split]]) for split in ("train", "test")]
    expected = np.mean((used[1] - used[0].mean(axis=0)) ** 2)
    assert task.baselines(length=6) == pytest.approx({"mean": expected}, rel=1e-12)


def test_there_is_one_length():
    task = examples()
    with pytest.raises(UserError, match=r"npz:data\.npz has sequences of 6 steps: length must be that, not 7"):
        task.batch(np.random.default_rng(0), task.model("rnn", 3), size=2, length=7)


def test_an_input_that_never_changes_is_said():
    inputs = INPUTS.copy()
    inputs[..., 1] = 3.0
    assert "inputs never change in column 1 (from 0)" in examples(inputs=inputs).notes()
