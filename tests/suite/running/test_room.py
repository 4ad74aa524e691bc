"""Sizes that cannot fit: refused before anything is measured, and measured once there is room."""

import sqlite3
import sys

import pytest
from gradsuite.errors import UserError
from gradsuite.experiment import Experiment, Trial
from gradsuite.running.executors.local import LocalExecutor
from gradsuite.running.room import Fit, Room
from gradsuite.settings import HIDDEN_SIZE

GB = 10**9
ROOM = Room(limit=30 * GB, free=20 * GB)


def fit(memory, room=ROOM):
    class Sized(Experiment):
        name, question, settings, presets = "sized", "How large?", (HIDDEN_SIZE,), {}

        def measure(self, backend, device, settings):
            yield []

    if memory is not None:
        Sized.memory = lambda self, settings: memory(settings)
    return Fit([Sized()], room)


def trial(size, device="cpu"):
    return Trial("sized", "numpy", device, {"hidden_size": size, "dtype": "float64"})


def test_what_needs_more_than_is_free_is_invalid_and_says_what_it_needs():
    # 44,000 units: (44,000^2 + 3 * 44,000) parameters of 8 bytes and as many of their gradients, and little else
    assert fit(None).result(trial(44_000)).status == "invalid"
    assert fit(None).result(trial(44_000)).reason == "this trial needs at least 31 GB; 20 GB are free"
    assert fit(None).result(trial(30_000)) is None


def test_what_needs_more_than_a_worker_may_take_is_too():
    assert fit(None, Room(10 * GB, 20 * GB)).result(trial(30_000)).reason == (
        "this trial needs at least 14.4 GB; --memory-limit is 10 GB"
    )


def test_memory_of_another_device_is_not_this_computers():
    assert fit(None).result(trial(10**7, device="cuda")) is None


@pytest.mark.parametrize("returned", [None, "much", -1, 1.5, True, float("nan")])
def test_an_estimate_that_is_none_costs_its_trials_alone(returned):
    result = fit(lambda settings: returned).result(trial(1))
    assert result.status == "error"
    assert result.reason.startswith("memory() of sized: TypeError: a whole number of bytes is asked for, not")


def test_an_estimate_that_fails_says_how():
    def fails(settings):
        raise KeyError("width")

    def refuses(settings):
        raise UserError("width is too large")

    assert fit(fails).result(trial(1)).reason == "memory() of sized: KeyError: 'width'"
    assert (fit(refuses).result(trial(1)).status, fit(refuses).result(trial(1)).reason) == (
        "invalid", "width is too large",
    )  # fmt: skip


def test_an_estimate_that_would_end_the_host_costs_its_trials_alone():
    def leaves(settings):
        sys.exit(0)

    result = fit(leaves).result(trial(1))
    assert (result.status, result.reason) == ("error", "memory() of sized: SystemExit: 0")


@pytest.fixture
def rooms(monkeypatch):
    """Say how much is free in each run."""

    def free(amount):
        monkeypatch.setattr(LocalExecutor, "room", lambda self: Room(100 * GB, amount))

    return free


def stored(run):
    with sqlite3.connect(f"{run}/run.sqlite") as database:
        return dict(database.execute("SELECT json_extract(settings, '$.hidden_size'), status FROM trials"))


def test_a_run_refuses_them_at_once_shows_them_in_a_dry_run_and_measures_them_once_they_fit(type_in, rooms):
    asked = ("gradient-time", "--backend", "numpy", "--preset", "quick", "--set", "hidden_size=4,600,1000000",
             "--set", "cell=rnn", "--set", "task=noise", "--set", "gain=1", "--set", "length=3")  # fmt: skip
    rooms(GB // 1000)  # 600 units have 360,000 weights: 5.8 MB with their gradients
    _, output, _ = type_in("run", *asked, "--dry-run")
    assert "1 trial invalid: this trial needs at least 16 TB; 1 MB are free" in output.splitlines()
    assert "1 trial to measure" in output
    status, output, errors = type_in("run", *asked)
    run = output.splitlines()[-1]
    assert status == 0
    assert "2 invalid" in errors
    assert stored(run) == {4: "ok", 600: "invalid", 10**6: "invalid"}
    rooms(GB)
    _, output, _ = type_in("run", "--resume", run, "--dry-run")
    assert "1 trial to measure" in output
    type_in("run", "--resume", run)
    assert stored(run) == {4: "ok", 600: "ok", 10**6: "invalid"}
