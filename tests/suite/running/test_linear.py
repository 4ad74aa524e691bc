"""Twice as many trials cost twice as much, and no more: counted in calls, for no test looks at the clock."""

import sys

import gradsuite.running.job
import pytest
from gradsuite.backend import BackendInfo
from gradsuite.experiment import Result
from gradsuite.plugins import load
from gradsuite.rows import Measurement
from gradsuite.running.configuration import Configuration
from gradsuite.running.executors.executor import Executor, unknown
from gradsuite.running.executors.lanes import idle
from gradsuite.running.failures import failures
from gradsuite.running.job import Job
from gradsuite.running.progress import Silent
from gradsuite.running.room import Room

FEW = 60  # trials
ROOM = 1.05  # of calls that come once, such as those of a first import; a quadratic share of 5% is noticed


class Echoing(Executor):
    """Measures nothing: each trial has its size for a row at once."""

    def describe(self, backends):
        return {name: BackendInfo(name, {name: "1.0"}, ("cpu",), ("float64",), ()) for name in backends}

    def preflight(self, backends, device, cells):
        return {}

    def run(self, groups, known=unknown, meanwhile=idle):
        for group in groups:
            for trial in group:
                yield trial, Result("ok", (Measurement("size", trial.settings["size"]),))

    def room(self):
        return Room(10**12, 10**12)

    def machine(self):
        return {}

    def close(self):
        return


def counted(call):
    """Return what a call returns, and how many calls of functions it took."""
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        return call(), calls
    finally:
        sys.setprofile(None)


@pytest.fixture
def measured(probe, monkeypatch):
    """Return a function that plans and measures so many trials, in a new run or to the end of one."""
    monkeypatch.setattr(gradsuite.running.job, "open_executor", lambda *_, **__: Echoing())

    def measured(trials, unfinished=None):
        changes = {"size": list(range(1, trials + 1)), "dtype": ["float64"]}
        asked = Configuration(experiment=["probe"], backend=["echo"], preset="quick", set=changes)
        run, _ = Job(asked, load(), lambda line: None, Silent).run(unfinished)
        failures(run.trials())
        return run

    measured(1)  # imports
    return measured


def test_a_run_and_its_resumption_take_calls_in_proportion_to_their_trials(measured):
    few, calls_few = counted(lambda: measured(FEW))
    many, calls_many = counted(lambda: measured(2 * FEW))
    none, calls_none = counted(lambda: measured(1))
    assert [len(run.trials()) for run in (few, many, none)] == [FEW, 2 * FEW, 1]
    assert calls_many - calls_none <= ROOM * 2 * (calls_few - calls_none)
    _, again_few = counted(lambda: measured(FEW, few))
    _, again_many = counted(lambda: measured(2 * FEW, many))
    _, again_none = counted(lambda: measured(1, none))
    assert again_many - again_none <= ROOM * 2 * (again_few - again_none)
