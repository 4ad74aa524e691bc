"""Which backend is best, of real workers whose calls take as long as is written in their code; nothing is timed here.

They sleep, and say how long they were to. Whatever else the machine does delays the start of workers, and then there is
less time: what is asserted holds however much of it is left.
"""

import sys
import time

import pytest
from gradsuite.errors import UserError
from gradsuite.machine.facts import machine
from gradsuite.plugins import load
from gradsuite.running.best import best

from tests import throwaway

SOURCE = """
import random, time
from gradsuite import Experiment, Measurement, Setting, Unsupported, hookimpl
from gradsuite.backend import Backend, BackendInfo
from gradsuite.compared import Benchmark, Samples
from gradsuite.settings import LENGTH, ROUNDS

class Sleeper(Backend):
    def describe(self):
        return BackendInfo(self.name, {self.name: "1.0"}, ("cpu",), ("float64",), ())
    def build(self, model, parameters, *, device="cpu", dtype="float32"):
        raise NotImplementedError

# Seconds of a call for each second of the fastest's.
PACES = {"quick": 1.0, "equal": 1.0, "next": 1.3, "slow": 10.0, "stuck": 1.0, "lacking": 1.0, "dying": 1.0}

class Naps(Experiment):
    name = "naps"
    question = "How long does it sleep?"
    settings = (LENGTH, Setting("step", float, "seconds per time step of the fastest", minimum=0), ROUNDS)
    presets = {"quick": {"length": [8], "step": [0.001], "rounds": [5]}}
    compared = (Samples("call"),)
    benchmark = Benchmark("call")
    def measure(self, backend, device, settings):
        if backend.name == "lacking":
            raise Unsupported("lacking has no naps")
        noise = random.Random(backend.name)
        seconds = PACES[backend.name] * settings["length"] * settings["step"]
        if backend.name == "stuck":
            time.sleep(3600)
        yield [Measurement("call", 1000.0, "s", index=0)]  # among others': it does not count
        for index in range(1, settings["rounds"]):
            time.sleep(seconds)
            yield [Measurement("call", seconds * noise.gauss(1.0, 0.001), "s", index=index)]
            if backend.name == "dying":
                raise ZeroDivisionError("one nap too many")

@hookimpl
def register_backends(register):
    for name in PACES:
        register(type(name, (Sleeper,), {"name": name}))

@hookimpl
def register_experiments(register):
    register(Naps)
"""
BLOCKED = "cells,experiments,jax,numpy,peers,tasks,torch"


@pytest.fixture
def found(tmp_path, monkeypatch):
    """Return a function that returns the best of these backends, by default within more time than it takes."""
    throwaway.install(tmp_path, "naps", SOURCE)
    for name, value in throwaway.environment(tmp_path, GRADSUITE_DISABLE_PLUGINS=BLOCKED).items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(tmp_path)

    def found(*backends, budget=60.0, **asked):
        return best(asked, load(), machine(1), backends=backends, budget=budget)

    yield found
    sys.modules.pop("naps_plugin", None)


def test_a_clear_answer_ends_before_its_budget(found):
    answer = found("next", "quick", budget=3600.0)
    assert [one.backend for one in answer.timed] == ["quick", "next"]
    assert answer.close == ["quick"]
    # Means of 0.1% of noise; what is assumed of a machine widens the interval, not the ratio.
    assert answer.timed[1].ratio.ratio == pytest.approx(1.3, rel=0.01)
    assert {one.rounds for one in answer.timed} == {3}
    assert (answer.behind, answer.lost, answer.length, answer.advised) == ((), {}, None, 0)


def test_equal_ones_are_measured_on_and_too_close_to_call(found):
    answer = found("equal", "quick")
    assert sorted(answer.close) == ["equal", "quick"]
    assert {one.rounds for one in answer.timed} == {15}


def test_one_that_is_far_behind_leaves_where_time_is_short(found):
    # A round of three takes 3 s, and fifteen of them more than there is.
    answer = found("slow", "quick", "next", step=0.03, budget=25.0)
    assert [one.backend for one in answer.timed] == ["quick", "next"]
    (behind,) = answer.behind
    assert (behind.backend, behind.fastest, behind.length) == ("slow", "quick", 8)
    assert behind.times == pytest.approx(10.0, rel=0.01)
    assert behind.least == pytest.approx(5.0, rel=0.01)


def test_where_time_is_plenty_nobody_leaves(found):
    answer = found("slow", "quick", step=0.001, budget=3600.0)
    assert [one.backend for one in answer.timed] == ["quick", "slow"]
    assert answer.timed[1].ratio.ratio == pytest.approx(10.0, rel=0.01)


def test_a_length_that_takes_too_long_is_measured_at_a_shorter_one(found):
    # Five calls of each take 37 s, 5 s at an eighth of the length, and no more than a heat took at a sixteenth.
    answer = found("quick", "next", length=1600, step=0.002, budget=8.0)
    assert answer.length in (100, 200)
    assert answer.settings["length"] == 1600
    assert answer.timed[0].backend == "quick"
    assert answer.timed[1].times == pytest.approx(1.3, rel=0.01)
    assert answer.timed[0].median == pytest.approx(0.002 * answer.length, rel=0.01)
    assert answer.advised >= 37


def test_a_length_that_there_is_time_for_is_measured_as_it_is(found):
    answer = found("quick", "next", length=64, budget=3600.0)
    assert answer.length is None
    assert answer.timed[0].median == pytest.approx(0.064, rel=0.01)


def test_with_too_little_time_there_are_estimates_and_a_budget_that_settles_it(found):
    answer = found("quick", "next", step=0.05, budget=0.1)
    assert [one.backend for one in answer.timed] == ["quick", "next"]
    assert [one.ratio for one in answer.timed] == [None, None]
    assert answer.timed[1].times == pytest.approx(1.3, rel=0.01)
    assert answer.close == ["quick", "next"]
    assert answer.advised >= 5


def test_one_that_does_not_come_costs_nobody_else_the_answer(found):
    began = time.monotonic()
    answer = found("stuck", "lacking", "quick", budget=3.0)
    assert time.monotonic() - began < 120
    assert [one.backend for one in answer.timed] == ["quick"]
    assert answer.lost["stuck"].startswith("no answer within ")
    assert answer.lost["lacking"] == "lacking has no naps"


def test_one_that_dies_on_its_way_is_no_longer_in_the_race(found):
    answer = found("dying", "quick", "next")
    assert [one.backend for one in answer.timed] == ["quick", "next"]
    assert answer.lost == {"dying": "ZeroDivisionError: one nap too many"}


def test_where_nothing_was_measured_each_reason_is_said(found):
    with pytest.raises(UserError, match="nothing was measured: lacking: lacking has no naps; give it longer"):
        found("lacking")
