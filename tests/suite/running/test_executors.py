"""The local executor, with real worker processes."""

import os
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import psutil
import pytest
from gradsuite.experiment import Trial
from gradsuite.hookspecs import hookimpl
from gradsuite.machine import allocator
from gradsuite.machine.facts import THREAD_VARIABLES, machine
from gradsuite.plugins import Plugins, load
from gradsuite.rows import Measurement
from gradsuite.running.configuration import Configuration
from gradsuite.running.executors import open_executor
from gradsuite.running.executors.local import LocalExecutor
from gradsuite.running.executors.watched import Watched
from gradsuite.running.executors.workers import Workers
from gradsuite.worker import process
from gradsuite.worker.environment import WorkerEnvironment

from tests.throwaway import ended


def trial(behaviour, backend="echo", size=1, *, timed=True):
    settings = {"behaviour": behaviour, "dtype": "float64", "size": size, "gain": 0.5}
    return Trial("probe", backend, "cpu", settings, timed=timed)


@pytest.fixture
def executor(probe):
    with LocalExecutor(WorkerEnvironment(load(), machine()), timeout=60) as executor:
        yield executor


def results(executor, *groups):
    return {done.settings["behaviour"]: result for done, result in executor.run(groups)}


def test_backends_are_described_or_say_why_not(executor):
    said = executor.describe(["echo", "gone"])
    assert said["echo"].dtypes == ("float64", "float32")
    assert said["echo"].activations["gru"] == ("tanh",)
    assert said["gone"] == "no_such_framework not installed"


def test_a_trial_is_measured_to_its_end(executor):
    result = results(executor, [trial("three")])["three"]
    assert result.status == "ok"
    assert result.measurements == tuple(Measurement("round", float(number), "", number) for number in range(3))
    assert result.seconds > 0


def test_a_failure_costs_its_trial_alone(executor):
    done = results(executor, *([trial(behaviour)] for behaviour in ("raise", "exit", "kill", "one")))
    assert done["raise"].reason == "ZeroDivisionError: a fault in .../place/package/module.py"
    assert "ZeroDivisionError" in done["raise"].stderr
    assert "/home/someone" not in done["raise"].stderr
    assert (done["exit"].status, done["exit"].reason) == ("error", "SystemExit: 7")
    assert done["kill"].reason.startswith("the worker was killed by SIGKILL")
    assert done["kill"].stderr == "last words\n"
    assert done["kill"].measurements == ()
    assert done["one"].status == "ok"


@pytest.mark.skipif(sys.platform != "linux", reason="no other system limits a process's memory mappings")
def test_a_worker_with_too_many_mappings_is_replaced_between_trials(executor, monkeypatch):
    results(executor, [trial("one")], [trial("three")])
    first = executor.workers.processes["echo"].process.pid
    with monkeypatch.context() as crowded:
        crowded.setattr(process, "CROWDED", 0.0)
        assert results(executor, [trial("one")], [trial("three")])["three"].status == "ok"
    assert "echo" not in executor.workers.processes
    assert not psutil.pid_exists(first)
    results(executor, [trial("one")])
    assert not executor.workers.processes["echo"].is_crowded()


def test_a_round_that_takes_too_long_is_ended(probe):
    with LocalExecutor(WorkerEnvironment(load(), machine()), timeout=0.5) as executor:
        done = results(executor, [trial("hang")], [trial("one")])
    assert (done["hang"].status, done["hang"].reason) == ("timeout", "no answer within 0.5 s")
    assert done["hang"].seconds >= 0.5
    assert done["one"].status == "ok"


def test_what_a_worker_started_ends_with_it(probe, monkeypatch):
    monkeypatch.setenv("PROBE_LOG", str(probe / "child"))
    with LocalExecutor(WorkerEnvironment(load(), machine()), timeout=3.0) as executor:
        assert results(executor, [trial("fork")])["fork"].status == "timeout"
    child = int((probe / "child").read_text())
    assert ended(child)


def test_a_worker_that_cannot_start_again_is_an_error_of_its_trials(probe):
    def environment(backend):
        raise RuntimeError("no environment")

    with LocalExecutor(environment, timeout=60) as executor:
        assert executor.describe(["echo"]) == {"echo": "RuntimeError: no environment"}
        assert (
            results(executor, [trial("one")])["one"].reason == "the worker did not start: RuntimeError: no environment"
        )


def test_rounds_are_interleaved_and_shuffled(executor, probe, monkeypatch):
    monkeypatch.setenv("PROBE_LOG", str(probe / "log"))
    groups = [[trial("log", backend, size) for backend in ("echo", "delta")] for size in range(1, 9)]
    list(executor.run(groups))
    lines = (probe / "log").read_text().splitlines()
    rounds = [lines[start : start + 2] for start in range(0, len(lines), 2)]
    assert all({line.split()[0] for line in pair} == {"echo", "delta"} for pair in rounds)
    assert [pair[0].split()[1] for pair in rounds] == ["0", "1", "2"] * 8
    first = defaultdict(int)
    for pair in rounds:
        first[pair[0].split()[0]] += 1
    assert min(first.values()) > 0  # of 24 coins with a fixed seed, both sides come up


def test_a_finished_trial_is_handed_over_before_the_next_starts(executor, probe, monkeypatch):
    monkeypatch.setenv("PROBE_LOG", str(probe / "log"))
    running = executor.run([[trial("log", size=1)], [trial("log", size=2)]])
    next(running)
    assert len((probe / "log").read_text().splitlines()) == 3


@pytest.fixture
def pair(probe):
    """An executor with two threads, for two workers side by side, whatever machine this is."""
    with LocalExecutor(WorkerEnvironment(load(), machine(threads=2)), timeout=60) as executor:
        yield executor


def beside(behaviour, size=1):
    return [trial(behaviour, backend, size, timed=False) for backend in ("echo", "delta")]


def test_what_is_not_timed_comes_first_and_side_by_side(pair, probe, monkeypatch):
    monkeypatch.setenv("PROBE_LOG", str(probe / "log"))
    timed = [trial("log", "echo", 9), trial("log", "delta", 9)]
    done = list(pair.run([timed, beside("meet"), beside("log", 1), beside("log", 2)]))
    assert [(one.backend, one.settings["size"]) for one, _ in done[-2:]] in (
        [("echo", 9), ("delta", 9)],
        [("delta", 9), ("echo", 9)],
    )
    for backend in ("echo", "delta"):
        own = [(one.settings["behaviour"], one.settings["size"]) for one, _ in done if one.backend == backend]
        assert own == [("meet", 1), ("log", 1), ("log", 2), ("log", 9)]
    assert {result.status for _, result in done} == {"ok"}  # of two that meet, each waits for the other


def test_workers_side_by_side_share_the_threads_and_end_with_their_trials(pair, monkeypatch):
    done = {one.backend: result for one, result in pair.run([beside("environment")])}
    for result in done.values():
        assert {m.metric: m.value for m in result.measurements} == {"OMP_NUM_THREADS": 1.0, "GRADSUITE_THREADS": 0.0}
    (workers,) = pair.sharing
    assert not workers.processes
    assert not pair.workers.processes


def test_a_failure_side_by_side_costs_its_trial_alone(pair):
    done = defaultdict(list)
    for one, result in pair.run([beside("exit"), beside("one")]):
        done[one.backend].append(result.status)
    assert done == {"echo": ["error", "ok"], "delta": ["error", "ok"]}


@pytest.mark.parametrize("threads", [1, 2])
def test_one_backend_or_one_thread_has_nothing_to_share(probe, threads):
    backends = ("echo", "delta") if threads == 1 else ("echo",)
    with LocalExecutor(WorkerEnvironment(load(), machine(threads=threads)), timeout=60) as executor:
        groups = [[trial("one", backend, timed=False) for backend in backends]]
        assert [result.status for _, result in executor.run(groups)] == ["ok"] * len(backends)
        assert not executor.sharing


def test_leaving_in_the_middle_ends_the_workers_side_by_side(probe):
    with LocalExecutor(WorkerEnvironment(load(), machine(threads=2)), timeout=60) as executor:
        running = executor.run([beside("one"), beside("hang")])
        next(running)
        (workers,) = executor.sharing
        processes = [process.process for process in workers.processes.values()]
    assert processes
    assert all(ended(process.pid) for process in processes)


def test_a_worker_that_is_being_started_when_all_are_closed_ends_too(probe, monkeypatch):
    begun, closed, guards = Event(), Event(), []

    class Slow(Watched):
        def __init__(self, *arguments, **more):
            super().__init__(*arguments, **more)
            guards.append(self.process)
            begun.set()
            assert closed.wait(60)

    monkeypatch.setattr("gradsuite.running.executors.workers.Watched", Slow)
    workers = Workers(WorkerEnvironment(load(), machine()), 60, 2**40)
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(workers.start, "echo")
        assert begun.wait(60)
        workers.close()
        closed.set()
        with pytest.raises(process.Lost, match="the run has ended"):
            starting.result()
    assert workers.processes == {}
    assert guards[0].poll() is not None


def test_closing_ends_the_workers(probe):
    with LocalExecutor(WorkerEnvironment(load(), machine()), timeout=60) as executor:
        executor.describe(["echo", "delta"])
        processes = [process.process for process in executor.workers.processes.values()]
        assert [process.poll() for process in processes] == [None, None]
    assert [process.poll() for process in processes] == [0, 0]


def test_the_environment_sets_threads_and_takes_what_plugins_add(monkeypatch):
    class Tuning:
        @hookimpl
        def worker_environment(self, backend, machine):
            if backend != "b":
                return None
            kernels = {"KERNELS": f"{backend} {machine['threads']}", "OMP_NUM_THREADS": "9"}
            return kernels | ({"FASTER": "yes", "OMP_NUM_THREADS": "9"} if machine["tuned"] else {})

    monkeypatch.setenv("GRADSUITE_DISABLE_PLUGINS", "x")
    environment = WorkerEnvironment(Plugins({"tuning": Tuning()}, blocked=["y"]), machine(threads=3))
    plain, tuned = environment("a"), environment("b")
    assert all(plain[name] == "3" for name in THREAD_VARIABLES)
    assert plain["GRADSUITE_DISABLE_PLUGINS"] == "x,y"
    assert plain.items() >= allocator.environment().items()
    assert plain["PATH"] == os.environ["PATH"]
    assert "KERNELS" not in plain
    assert (tuned["KERNELS"], tuned["OMP_NUM_THREADS"]) == ("b 3", "9")
    assert environment("b@2") == tuned
    assert environment("b@tuned@2") == tuned | {"FASTER": "yes"}
    assert (environment.tuning("a"), environment.tuning("b"), environment.tuning("b@2")) == (
        {}, {"FASTER": "yes"}, {"FASTER": "yes"},
    )  # fmt: skip


def test_the_configuration_chooses_the_executor(probe):
    with open_executor(Configuration(timeout=5), load(), machine()) as executor:
        assert isinstance(executor, LocalExecutor)
        assert executor.timeout == 5
        assert executor.machine()["python"].endswith(".".join(map(str, sys.version_info[:3])))
