"""Checkpoints: a training that was killed goes on with the same bits, and what is damaged is refused in one line."""

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import gradsuite
import numpy as np
import pytest
from gradsuite import Schedule, UserError, initialise, optimizer
from gradsuite.backend import Batch
from gradsuite.optimizers import OPTIMIZERS
from gradsuite.tasks.stream import Stream
from gradsuite.tasks.synthetic.adding import Adding
from gradsuite.training import checkpoint
from gradsuite.training.recipe import Recipe
from gradsuite.training.session import Session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

for framework in ("torch", "jax"):
    pytest.importorskip(framework)  # bits are compared on every backend

STOPS = {"numpy": range(10), "torch": (0, 3, 8), "jax": (0, 3, 8)}  # steps; peers take long to build
PEERS = ("torch-nn", "torch-autograd", "jax-scan", "flax", "autograd")


class Sums(Stream):
    """The running sign of a noise, one long sequence: a task that carries states."""

    name, summary, source = "sums", "sign of a running sum", "synthetic"
    input_size, output_size, loss = 1, 1, "mse"

    def steps(self, split):
        return {"train": 120, "validation": 60, "test": 0}[split]

    def take(self, split, places):
        noise = np.random.default_rng(len(split)).standard_normal(self.steps(split))
        return Batch(noise[places][..., np.newaxis], np.sign(np.cumsum(noise))[places][..., np.newaxis])


def begun(backend="numpy", *, task=None, cell="lstm", steps=9, dtype="float32", **changes):
    task = task or Adding()
    model = task.model(cell, 5, num_layers=2, length=6)
    made = {"optimizer": optimizer("adam", lr=0.01, clip_norm=0.5), "batch_size": 3, "length": 6, "evaluate_every": 4}
    schedule = changes.pop("schedule", Schedule())
    recipe = Recipe(**made | changes, steps=steps)
    session = Session(
        gradsuite.backend(backend), task, model, initialise(model, seed=1), recipe, dtype=dtype, schedule=schedule
    )
    # The cost of judging on 1,000 sequences is not what these tests are about.
    session.score = lambda split: float(sum(np.abs(p).sum() for p in session.parameters().values()))
    return session


def bits(session):
    """Everything that a training holds, as bytes; times aside."""
    slots = session.network.slots
    named = sorted(session.parameters().items()) + sorted((slots[1] if slots else {}).items())
    arrays = [array for _, one in named for array in (one if isinstance(one, tuple) else (one,))]
    looks = [replace(look, seconds=0.0) for look in session.curve.looks]
    count = slots and int(slots[0] if isinstance(slots[0], int) else session.network.fetch(slots[0]))
    curve = session.curve
    held = [np.array(array if isinstance(array, np.ndarray) else session.network.fetch(array)) for array in arrays]
    held += session.state or ()
    return [array.tobytes() for array in held], curve.losses, str(looks), curve.end, count


def walked(session, steps=None):
    """Take some steps of a training, or all that are left."""
    walk = session.walk()
    for _ in walk if steps is None else range(steps):
        if steps is not None:
            next(walk)
    return session


@pytest.mark.parametrize("backend", [*STOPS, *PEERS])
def test_a_training_resumed_at_any_step_has_the_bits_of_an_unbroken_one(backend, tmp_path):
    whole = bits(walked(begun(backend)))
    for step in STOPS.get(backend, (5,)):
        checkpoint.save(walked(begun(backend), step), tmp_path / "kept")
        resumed = begun(backend)
        assert checkpoint.resume(resumed, tmp_path / "kept").step == step
        assert bits(walked(resumed)) == whole


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.integers(0, 9), second=st.integers(0, 9), name=st.sampled_from(sorted(OPTIMIZERS)), carries=st.booleans()
)
def test_however_often_and_with_whatever_it_is_interrupted(first, second, name, carries, tmp_path):
    given = {"task": Sums() if carries else None, "optimizer": optimizer(name, lr=0.01)}
    whole = bits(walked(begun(**given)))
    for steps in (first, max(0, second - first)):
        session = begun(**given)
        if steps != first or (tmp_path / f"{name}{carries}{first}{second}").exists():
            checkpoint.resume(session, tmp_path / f"{name}{carries}{first}{second}")
        checkpoint.save(walked(session, min(steps, 9 - session.steps)), tmp_path / f"{name}{carries}{first}{second}")
    checkpoint.resume(session := begun(**given), tmp_path / f"{name}{carries}{first}{second}")
    assert bits(walked(session)) == whole


@pytest.mark.parametrize(("backend", "dtype"), [("torch", "bfloat16"), ("jax", "bfloat16"), ("numpy", "float64")])
def test_other_dtypes_keep_their_bits(backend, dtype, tmp_path):
    whole = bits(walked(begun(backend, dtype=dtype)))
    checkpoint.save(walked(begun(backend, dtype=dtype), 5), tmp_path)
    checkpoint.resume(resumed := begun(backend, dtype=dtype), tmp_path)
    assert bits(walked(resumed)) == whole


def test_truncation_and_omega_and_mlp_keep_their_bits(tmp_path):
    for number, changes in enumerate(
        ({"schedule": Schedule(truncation=(2, 3))}, {"cell": "rnn", "omega": 0.5}, {"cell": "mlp"})
    ):
        whole = bits(walked(begun(**changes)))
        checkpoint.save(walked(begun(**changes), 6), tmp_path / str(number))
        checkpoint.resume(resumed := begun(**changes), tmp_path / str(number))
        assert bits(walked(resumed)) == whole


def test_a_training_that_is_done_goes_on_with_more_steps(tmp_path):
    checkpoint.save(walked(begun(steps=8)), tmp_path)
    checkpoint.resume(more := begun(steps=12), tmp_path)
    assert (more.steps, more.curve.end) == (8, "running")
    assert bits(walked(more)) == bits(walked(begun(steps=12)))
    assert more.curve.end == "done"


def test_a_training_that_has_diverged_or_is_solved_stays_so(tmp_path):
    for end, changes in (("diverged", {"bound": 1e-9}), ("solved", {"goal": 1e9})):
        checkpoint.save(walked(begun(**changes)), tmp_path / end)
        checkpoint.resume(again := begun(steps=20, **changes), tmp_path / end)
        assert again.curve.end == end
        before = again.steps
        assert list(again.walk()) == []
        assert again.steps == before


def test_saving_changes_nothing_of_the_training(tmp_path):
    for backend in ("numpy", "torch"):
        session = begun(backend)
        for _ in session.walk():
            checkpoint.save(session, tmp_path)
        assert bits(session) == bits(walked(begun(backend)))


def test_an_interrupted_save_leaves_the_checkpoint_before_it(tmp_path, monkeypatch):
    """Killed at each write in turn, by a fault in its place: what can be resumed is one of the two, and whole."""
    session = begun()
    walk = session.walk()
    next(walk)
    checkpoint.save(session, tmp_path)
    next(walk)
    whole = bits(walked(begun()))
    for fatal in ("fsync", "replace", "unlink"):
        for survived in range(4):
            _save_until(session, tmp_path, fatal, survived, monkeypatch)
            checkpoint.resume(resumed := begun(), tmp_path)
            assert resumed.steps in (1, 2)
            assert bits(walked(resumed)) == whole
    checkpoint.save(session, tmp_path)
    assert sorted(one.suffix for one in tmp_path.iterdir()) == [".json", ".safetensors"]


class Killed(BaseException):
    """What no handler catches, as no handler catches kill -9."""


def _save_until(session, folder, fatal, survived, monkeypatch):
    """Save, and die at the call after `survived` calls of `fatal`."""
    owner = {"fsync": checkpoint.os, "replace": Path, "unlink": Path}[fatal]
    true, left = getattr(owner, fatal), [survived]

    def dying(*arguments, **options):
        if not left[0]:
            raise Killed
        left[0] -= 1
        return true(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(owner, fatal, dying)
        with suppress(Killed):
            checkpoint.save(session, folder)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"optimizer": optimizer("adam", lr=0.02, clip_norm=0.5)}, "lr 0.01, not 0.02"),
        ({"optimizer": optimizer("sgd", lr=0.01, clip_norm=0.5)}, "optimizer Adam, not SGD"),
        ({"batch_size": 4}, "batch_size 3, not 4"),
        ({"seed": 3, "length": 7}, "length 6, not 7; seed 0, not 3"),
        ({"cell": "gru"}, "cell lstm, not gru"),
        ({"dtype": "float64"}, "dtype float32, not float64"),
        ({"backend": "torch"}, "backend numpy, not torch"),
        ({"steps": 8}, "steps 9, not 8"),
        ({"schedule": Schedule(truncation=(1, 2))}, r"truncation None, not \[1, 2\]"),
    ],
)
def test_other_settings_are_refused_by_name(changes, named, tmp_path):
    checkpoint.save(walked(begun(), 2), tmp_path)
    with pytest.raises(UserError, match=named):
        checkpoint.resume(begun(**changes), tmp_path)


def test_a_damaged_or_foreign_checkpoint_is_one_line(tmp_path):
    with pytest.raises(UserError, match="no checkpoint in"):
        checkpoint.read(tmp_path / "nowhere")
    checkpoint.save(walked(begun(), 5), tmp_path)
    path = tmp_path / checkpoint.FILE
    facts = json.loads(path.read_text())
    arrays = tmp_path / facts["arrays"]
    data = arrays.read_bytes()
    for damaged in (data[:-1], data[:20], b"", data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]):
        arrays.write_bytes(damaged)
        with pytest.raises(UserError, match="is damaged"):
            checkpoint.resume(begun(), tmp_path)
    arrays.unlink()
    with pytest.raises(UserError, match="cannot read the checkpoint's"):
        checkpoint.resume(begun(), tmp_path)
    for text in ("", "{", "[]", "{}", json.dumps({**facts, "format": 2}), json.dumps({"format": 1})):
        path.write_text(text)
        with pytest.raises(UserError, match="checkpoint") as caught:
            checkpoint.resume(begun(), tmp_path)
        assert "\n" not in str(caught.value)


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write the checkpoint into"):
        checkpoint.save(begun(), tmp_path / "file")


def test_what_was_asked_comes_back(tmp_path):
    checkpoint.save(begun(), tmp_path, asked={"task": "adding", "lr": 0.1})
    assert checkpoint.read(tmp_path).asked == {"task": "adding", "lr": 0.1}
