"""The worker's protocol, spoken to a real process."""

import json
import math
import os
import signal

import pytest
from gradsuite.machine.libraries import libraries
from gradsuite.measuring import memory
from gradsuite.worker.serve import PAUSE, SETTLE, Worker, settle

from tests import throwaway
from tests.throwaway import trial


@pytest.fixture
def worker(probe):
    return Worker("echo")


def start(worker, behaviour):
    return worker.answer(trial(behaviour))


def test_describe_is_what_the_backend_says(worker):
    reply = worker.answer({"do": "describe"})
    assert reply["status"] == "ok"
    assert reply["info"]["name"] == "echo"
    assert reply["info"]["dtypes"] == ("float64", "float32")
    assert reply["info"]["libraries"] == libraries(reply["info"]["versions"])


def test_the_peak_of_a_trial_begins_without_what_earlier_ones_freed(worker, monkeypatch):
    done = []
    for name in ("release", "reset_peak"):
        monkeypatch.setattr(memory, name, lambda name=name: done.append(name))
    start(worker, "three")
    assert done == ["release", "reset_peak"]
    worker.answer({"do": "resume"})
    assert len(done) == 2


def test_each_round_is_asked_for(worker):
    assert start(worker, "three")["measurements"] == [("round", 0.0, "", 0, None, None, "")]
    replies = [worker.answer({"do": "resume"}) for _ in range(3)]
    assert [reply["done"] for reply in replies] == [False, False, True]
    assert [reply["measurements"] for reply in replies] == [
        [("round", 1.0, "", 1, None, None, "")],
        [("round", 2.0, "", 2, None, None, "")],
        [],
    ]


@pytest.mark.parametrize(
    ("behaviour", "status", "reason"),
    [
        ("unsupported", "unsupported", "echo has no such thing"),
        ("invalid", "invalid", "size and gain do not go together"),
        ("raise", "error", "ZeroDivisionError: a fault in /home/someone/secret/place/package/module.py"),
        ("memory", "error", "MemoryError"),
    ],
)
def test_the_exception_decides_the_status(worker, behaviour, status, reason):
    reply = start(worker, behaviour)
    assert (reply["status"], reply["reason"], reply["done"]) == (status, reason, True)


def test_a_failed_trial_does_not_go_on(worker):
    start(worker, "raise")
    assert worker.answer({"do": "resume"})["done"]


@pytest.mark.parametrize(("spinning", "pauses"), [(0.0, 1), (3.2 * PAUSE, 4), (math.inf, SETTLE / PAUSE)])
def test_a_round_ends_when_no_thread_computes(monkeypatch, spinning, pauses):
    clock = [0.0]
    monkeypatch.setattr("gradsuite.worker.serve.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("gradsuite.worker.serve.time.process_time", lambda: min(clock[0], spinning))
    monkeypatch.setattr("gradsuite.worker.serve.time.sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    settle()
    assert clock[0] == pytest.approx(pauses * PAUSE)


@pytest.mark.parametrize(("timed", "pauses"), [(True, 4), (False, 1)])
def test_only_what_is_timed_waits_after_every_round(worker, monkeypatch, timed, pauses):
    waited = []
    monkeypatch.setattr("gradsuite.worker.serve.settle", lambda: waited.append("waited"))
    monkeypatch.setattr(type(worker.experiment("probe")), "timed", timed)
    assert not start(worker, "three")["done"]
    while not worker.answer({"do": "resume"})["done"]:
        pass
    assert len(waited) == pauses  # three rounds and the end, or the end alone


def test_a_backend_that_cannot_be_had_says_why(probe):
    assert Worker("gone").answer({"do": "describe"})["reason"] == "no_such_framework not installed"


def test_numbers_that_are_not_finite_travel(worker):
    values = [row[1] for row in json.loads(json.dumps(start(worker, "nan")))["measurements"]]
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf, 0.1]


@pytest.fixture
def process(probe):
    with throwaway.worker() as process:
        yield process


def test_prints_do_not_reach_the_host(process):
    (size,) = process.ask(trial("shout"), 60)["measurements"]
    assert (size.metric, size.value) == ("size", 1.0)
    assert set(process.stderr_tail().splitlines()) == {"not JSON", "nor this"}


def test_an_interrupt_is_the_hosts_business(process):
    process.ask({"do": "describe"}, 60)
    os.kill(process.pid, signal.SIGINT)
    assert process.ask({"do": "describe"}, 60)["status"] == "ok"
