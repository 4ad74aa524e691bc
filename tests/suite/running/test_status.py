"""The log that a run keeps, and how far a run is as its folder alone tells it."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from datetime import datetime

import psutil
import pytest
from gradsuite.running import log
from gradsuite.runs.store import Run

from tests.throwaway import environment


def events(run):
    return list(log.events(Run.open(run).path))


def named(run, name):
    return [one for one in events(run) if one["event"] == name]


def test_a_run_keeps_a_line_of_json_for_each_thing_that_happens(type_in):
    _, output, _ = type_in("run", "probe", "--backend", "echo", "--set", "behaviour=raise,one", "--set", "size=1")
    run = output.splitlines()[-1]
    names = [one["event"] for one in events(run)]
    assert names[0] == "run started"
    assert names[-1] == "run ended"
    assert [name for name in names[1:-1] if name.startswith("trial")] == ["trial started", "trial ended"] * 2
    assert names.count("worker started") == 1  # in place of the one that failed; the first came before the run
    failed, ok = named(run, "trial ended")
    assert (ok["experiment"], ok["backend"], ok["status"]) == ("probe", "echo", "ok")
    assert ok["settings"]["behaviour"] == "one"
    assert (ok["level"], failed["level"]) == ("info", "warning")
    assert failed["reason"] == "ZeroDivisionError: a fault in .../place/package/module.py"
    assert ok["seconds"] > 0
    assert isinstance(ok["pid"], int)
    assert ok["memory"] > 2**20
    assert datetime.fromisoformat(ok["time"]).tzinfo
    started = events(run)[0]
    assert (started["trials"], started["pid"]) == (2, os.getpid())


def test_a_worker_that_is_replaced_says_why(type_in):
    _, output, _ = type_in("run", "probe", "--backend", "echo", "--set", "behaviour=change,one", "--set", "size=1")
    (replaced,) = named(output.splitlines()[-1], "worker replaced")
    assert (replaced["backend"], replaced["why"]) == ("echo", "a trial has changed the variable PROBE_CHANGED")
    assert len(named(output.splitlines()[-1], "worker started")) == 1


@pytest.mark.parametrize(
    ("level", "kept"),
    [("debug", {"round ended", "trial ended"}), ("warning", {"trial ended"}), ("error", set())],
)
def test_the_level_says_how_much_is_kept(type_in, level, kept):
    _, output, _ = type_in(
        "run", "probe", "--backend", "echo", "--set", "behaviour=raise", "--set", "size=1", "--log-level", level
    )
    found = {one["event"] for one in events(output.splitlines()[-1])}
    assert found & {"round ended", "trial ended"} == kept
    assert [type(one) for one in logging.getLogger("gradsuite").handlers] == [logging.NullHandler]  # no file stays open


def test_an_unknown_level_is_refused(type_in):
    status, _, errors = type_in("run", "probe", "--log-level", "loud")
    assert status == 2
    assert "unknown log level 'loud' (allowed: debug, error, info, warning)" in errors


def test_the_log_is_bounded_and_its_newest_lines_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(log, "LARGEST", 2000)
    with log.logged(tmp_path, "info"):
        for number in range(200):
            log.event(logging.INFO, "trial refused", number=number)
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) == 2
    assert max(sizes) <= 2000
    numbers = [one["number"] for one in log.events(tmp_path)]
    assert numbers == list(range(200))[-len(numbers) :]


def test_a_log_that_cannot_be_written_costs_nothing_else(tmp_path, capsys):
    (tmp_path / log.FILE).mkdir()
    with log.logged(tmp_path, "info"):
        log.event(logging.INFO, "run started", reason="half a character: \udc80")
    assert capsys.readouterr() == ("", "")


def test_lines_that_are_none_are_passed_over(tmp_path):
    (tmp_path / log.FILE).write_bytes(b'{"event": "run started"}\n[1]\n\xff\n{"event": 3}\n{"event": "trial st')
    assert [one["event"] for one in log.events(tmp_path)] == ["run started"]


def status(type_in, run="latest"):
    code, output, errors = type_in("status", run, "--json")
    assert (code, errors) == (0, "")
    return json.loads(output)


def test_a_run_that_has_ended_says_what_became_of_it(type_in):
    type_in("run", "probe", "--backend", "echo", "--set", "behaviour=one,raise", "--set", "size=1,2", "--name", "mine")
    found = status(type_in)
    assert (found["alive"], found["planned"], found["done"]) == (False, 4, 4)
    assert found["statuses"] == {"ok": 2, "error": 2}
    assert found["failure"]["settings"]["behaviour"] == "raise"
    assert (found["now"], found["left"]) == ([], None)
    _, output, _ = type_in("status", "results/mine")
    first, second, third = output.splitlines()
    assert first == f"results/mine: finished {found['finished']}"
    assert second == "4 of 4 trials stored: 2 ok, 2 error"
    assert third.startswith("last failure: error: probe on echo behaviour=raise dtype=float64 gain=0.5 size=2: Zero")


@pytest.fixture
def hanging(probe):
    """A run in another process, which measures two trials and hangs in the third."""
    asked = ["probe", "--backend", "echo", "--set", "behaviour=one,hang", "--set", "size=1,2", "--name", "hanging"]
    with subprocess.Popen(
        [sys.executable, "-m", "gradsuite", "run", *asked],
        cwd=probe, env=environment(probe), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        path, deadline = probe / "results" / "hanging", time.monotonic() + 100
        while not (path / log.FILE).exists() or len(named(path, "trial started")) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process
        process.kill()


def test_a_run_that_is_going_on_says_what_it_measures_and_one_whose_host_died_that_it_did(type_in, hanging):
    witness = psutil.Process(hanging.pid)  # of what the plugin `probe` does
    host = witness.children()[0] if psutil.LINUX else witness
    found = status(type_in, "results/hanging")
    assert (found["alive"], found["pid"], found["planned"]) == (True, host.pid, 4)
    assert found["statuses"] == {"ok": 2}
    (now,) = found["now"]
    assert (now["experiment"], now["backend"], now["settings"]["behaviour"]) == ("probe", "echo", "hang")
    assert now["seconds"] >= 0
    assert found["left"] >= 0  # two more, as long as the two before
    assert found["failure"] is None
    _, output, _ = type_in("status", "results/hanging")
    assert f"being measured by process {host.pid}, begun 20" in output
    assert "\nnow: probe on echo behaviour=hang" in output
    hanging.send_signal(signal.SIGKILL)
    hanging.wait()
    psutil.wait_procs([host], timeout=100)
    found = status(type_in, "results/hanging")
    assert (found["alive"], found["now"], found["left"], found["finished"]) == (False, [], None, None)
    _, output, _ = type_in("status", "results/hanging")
    assert "not finished, and no host is measuring: gradsuite run --resume results/hanging" in output


def test_a_run_that_was_made_before_runs_had_logs_tells_what_it_can(type_in, tmp_path):
    run = Run.create(tmp_path / "results" / "old", {"started": "2026-01-01T00:00:00+00:00"})
    _, output, _ = type_in("status", str(run.path))
    assert output.splitlines()[1] == "0 trials stored"


def test_a_run_that_is_not_there_is_refused(type_in):
    status, _, errors = type_in("status", "nothing")
    assert status == 2
    assert "unknown run 'nothing'" in errors
