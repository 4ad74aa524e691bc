"""Commands in their workers, as a plugin registers them."""

import csv
import time
from pathlib import Path
from threading import Thread

import psutil
import pytest
from gradsuite.worker.process import Lost, Process

from tests import throwaway

SPEAKER = Path(__file__).with_name("speaker.py")
PLUGIN = f"""
import sys
from gradsuite import hookimpl

@hookimpl
def register_backends(register):
    register("speaker", command=[sys.executable, {str(SPEAKER)!r}])
    register("dying", command=[sys.executable, {str(SPEAKER)!r}, "dies"])
    register("busy", command=[sys.executable, "-c", "while True: pass"])
    register("absent", command=["no-such-command"], install="make absent", peer=True)
"""


SMALL = ("--set", "cell=lstm", "--set", "task=noise", "--set", "length=4", "--set", "hidden_size=3")


@pytest.fixture
def folder(tmp_path):
    throwaway.install(tmp_path, "commands", PLUGIN)
    return tmp_path


def test_a_missing_command_is_not_available_and_what_to_type_is_said(folder):
    done = throwaway.gradsuite(folder, "check", "absent")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "'absent' is not available: command 'no-such-command' not found" in done.stderr
    assert "make absent" in done.stderr


def test_a_run_measures_one_command_and_survives_another(folder):
    chosen = ("--backend", "speaker", "--backend", "dying", "--preset", "quick", *SMALL)
    done = throwaway.gradsuite(folder, "run", "gradient-time", "--no-preflight", *chosen)
    found = throwaway.gradsuite(folder, "export", done.stdout.splitlines()[-1], "--format", "csv")
    rows = list(csv.DictReader(found.stdout.splitlines()))
    assert {(row["backend"], row["status"]) for row in rows} == {("speaker", "ok"), ("dying", "error")}
    assert "CommandError: the command of 'dying' was killed by SIGSEGV instead of a reply to 'forward'" in done.stderr
    # Each trial has a new command: all that the first one could do is die.
    died = [line for line in done.stderr.splitlines() if line.startswith("error: ") and "killed by SIGSEGV" in line]
    assert len(died) == sum(row["backend"] == "dying" for row in rows) > 1


def test_a_command_that_computes_ends_with_its_worker_even_if_the_guard_was_killed(folder):
    process = Process("busy", throwaway.environment(folder))
    asking = Thread(target=pytest.raises, args=(Lost, process.ask, {"do": "describe"}, 600))
    asking.start()
    guard = psutil.Process(process.process.pid)
    while len(commands := guard.children(recursive=True)) < 2:  # the worker and its command
        assert process.process.poll() is None
        time.sleep(0.01)
    guard.kill()
    asking.join()
    process.close()
    assert not psutil.wait_procs(commands, timeout=60)[1]
