"""Trials that are larger than one that timed out: not tried, and tried again with it."""

import sqlite3

import pytest
from gradsuite.experiment import Experiment, Result, Trial
from gradsuite.running.outgrown import Outgrown
from gradsuite.settings import BATCH_SIZE, DTYPE, LENGTH

from tests.throwaway import install

LATE = Result("timeout", reason="no answer within 1 s", seconds=1.0)


class Sized(Experiment):
    name, question, presets = "sized", "How large?", {}
    settings = (LENGTH, BATCH_SIZE, DTYPE)

    def measure(self, backend, device, settings):
        yield []


def trial(length, batch_size=8, dtype="float64", backend="numpy", device="cpu"):
    return Trial("sized", backend, device, {"length": length, "batch_size": batch_size, "dtype": dtype})


@pytest.fixture
def outgrown():
    outgrown = Outgrown([Sized()])
    outgrown.note(trial(100), LATE)
    return outgrown


@pytest.mark.parametrize("larger", [trial(200), trial(100, 16), trial(200, 16)])
def test_what_differs_by_larger_sizes_alone_is_not_tried(outgrown, larger):
    result = outgrown.result(larger)
    assert result.status == "timeout"
    assert result.reason.startswith("not tried: it timed out already with ")
    assert not result.measurements


def test_the_reason_names_the_smaller_one(outgrown):
    assert outgrown.result(trial(200)).reason == "not tried: it timed out already with length=100"


@pytest.mark.parametrize(
    "other",
    [trial(100), trial(50), trial(200, 4), trial(200, dtype="float32"), trial(200, backend="jax"),
     trial(200, device="cuda")],
)  # fmt: skip
def test_anything_else_is_tried(outgrown, other):
    assert outgrown.result(other) is None


@pytest.mark.parametrize("result", [Result("error", reason="x", seconds=1.0), Result("ok", seconds=1.0)])
def test_other_outcomes_say_nothing_of_larger_sizes(result):
    outgrown = Outgrown([Sized()])
    outgrown.note(trial(100), result)
    assert outgrown.result(trial(200)) is None


SLOW = """
import os, time
from gradsuite import Experiment, Measurement, hookimpl
from gradsuite.settings import LENGTH

class Slow(Experiment):
    name = "slow"
    question = "Is it over?"
    settings = (LENGTH,)
    timed = {timed}
    presets = {{"quick": {{"length": [1, 2, 3, 4]}}}}

    def measure(self, backend, device, settings):
        if settings["length"] > 1 and not os.path.exists("done"):
            time.sleep(3600)
        yield [Measurement("length", settings["length"])]

@hookimpl
def register_experiments(register):
    register(Slow)
"""


@pytest.mark.parametrize("timed", [True, False])
def test_a_run_waits_once_and_goes_on_with_all_of_them(type_in, tmp_path, timed):
    install(tmp_path, "slow", SLOW.format(timed=timed))
    _, output, _ = type_in("run", "slow", "--backend", "echo,delta", "--preset", "quick", "--timeout", "1")
    run = output.splitlines()[-1]

    def stored():
        with sqlite3.connect(f"{run}/run.sqlite") as database:
            query = "SELECT backend, json_extract(settings, '$.length'), status, reason FROM trials ORDER BY 1, 2"
            return list(database.execute(query))

    skipped = "not tried: it timed out already with length=2"
    assert stored() == [
        (backend, *outcome)
        for backend in ("delta", "echo")
        for outcome in (
            (1, "ok", ""), (2, "timeout", "no answer within 1 s"), (3, "timeout", skipped), (4, "timeout", skipped),
        )
    ]  # fmt: skip
    (tmp_path / "done").touch()
    type_in("run", "--resume", run)
    assert {status for _, _, status, _ in stored()} == {"ok"}
