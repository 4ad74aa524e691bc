"""A worker that takes more memory than it may costs its trial, and is named with what it took."""

import json
import os
import re
import time

import psutil
import pytest
from gradsuite.errors import UserError
from gradsuite.experiment import Trial
from gradsuite.machine.facts import machine
from gradsuite.plugins import load
from gradsuite.running.configuration import Configuration
from gradsuite.running.executors.local import LocalExecutor
from gradsuite.worker.environment import WorkerEnvironment

from tests.throwaway import install

HUNGRY = """
import os, subprocess, sys, time
from pathlib import Path
from gradsuite import Experiment, Measurement, Setting, hookimpl
from gradsuite.backend import Backend, BackendInfo

class Echo(Backend):
    name = "echo"
    def describe(self):
        return BackendInfo(self.name, {self.name: "1.0"}, ("cpu",), ("float64",), ())
    def build(self, model, parameters, *, device="cpu", dtype="float32"):
        raise NotImplementedError

class Greedy(Echo):
    name = "greedy"
    def describe(self):
        eats()

class Hungry(Experiment):
    name = "hungry"
    question = "How much memory does it take?"
    settings = (Setting("how", str, "what to do", choices=("eats", "feeds", "shares", "fasts")),)
    presets = {"quick": {"how": ["eats"]}}

    def measure(self, backend, device, settings):
        globals()[settings["how"]]()
        yield [Measurement("ended", 1.0)]

def eats():
    eaten = []
    while True:
        eaten.append(b"x" * 2**24)
        time.sleep(0.02)

def feeds():
    command = "import sys, os; sys.path.insert(0, os.environ['HERE']); import hungry_plugin; hungry_plugin.eats()"
    child = subprocess.Popen([sys.executable, "-c", command])
    (Path(os.environ["HERE"]) / "child").write_text(str(child.pid))
    child.wait()

def shares():
    block = b"x" * (200 * 2**20)
    child = os.fork()
    if not child:
        time.sleep(1.0)
        os._exit(0)
    os.waitpid(child, 0)

def fasts():
    pass

@hookimpl
def register_backends(register):
    register(Echo)
    register(Greedy)

@hookimpl
def register_experiments(register):
    register(Hungry)
"""
LIMIT = "300MB"  # a worker without a framework has 40 MB; one look of the watch's to the next, `eats` takes 200 MB more
TOOK = r"the worker took [3-9]\d\d MB; --memory-limit is 300 MB"


@pytest.fixture
def executor(tmp_path, monkeypatch):
    install(tmp_path, "hungry", HUNGRY)
    monkeypatch.setenv("HERE", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")])))
    monkeypatch.setenv("GRADSUITE_DISABLE_PLUGINS", "numpy,torch,jax,peers")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    with LocalExecutor(WorkerEnvironment(load(), machine()), timeout=60, memory_limit=LIMIT) as executor:
        yield executor


def results(executor, *how):
    groups = [[Trial("hungry", "echo", "cpu", {"how": one})] for one in how]
    return [result for _, result in executor.run(groups)]


def test_a_worker_that_takes_too_much_costs_its_trial_long_before_its_time_is_up(executor):
    eaten, after = results(executor, "eats", "fasts")
    assert eaten.status == "error"
    assert re.fullmatch(TOOK, eaten.reason)
    assert eaten.seconds < 30
    assert after.status == "ok"


def test_what_a_worker_started_counts_and_ends_with_it(executor, tmp_path):
    (fed,) = results(executor, "feeds")
    assert re.fullmatch(TOOK, fed.reason)
    child, deadline = int((tmp_path / "child").read_text()), time.monotonic() + 60
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.skipif(not psutil.LINUX, reason="no other system tells what two processes share")
def test_memory_that_two_processes_share_counts_once(executor):
    (shared,) = results(executor, "shares")
    assert shared.status == "ok", shared.reason


def test_a_backend_that_takes_too_much_as_it_describes_itself_cannot_be_had(executor):
    assert re.fullmatch(TOOK, executor.describe(["greedy"])["greedy"])


def test_the_limit_is_a_size_and_may_change_when_a_run_goes_on():
    with pytest.raises(UserError, match="a size is a number with a unit"):
        Configuration(memory_limit="much")
    stored = json.loads(json.dumps(Configuration(memory_limit="2G").stored()))
    assert "memory-limit" not in stored
    assert Configuration.resumed({"configuration": stored}, {"memory-limit": "1G"}).memory_limit == "1G"
