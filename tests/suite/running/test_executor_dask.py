"""The Dask executor, on real clusters: a scheduler and worker processes of this machine."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from itertools import pairwise

import psutil
import pytest
from gradsuite.errors import UserError
from gradsuite.experiment import Trial
from gradsuite.machine.facts import machine
from gradsuite.plugins import load
from gradsuite.running.configuration import Configuration
from gradsuite.running.executors import open_executor
from gradsuite.running.executors.executor import Halted

from tests.throwaway import environment, gradsuite, install

distributed = pytest.importorskip("distributed")

from tests.clusters import CLUSTER, Cluster, executor_on, until  # noqa: E402


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A scheduler alone; the plugin `cluster` is installed."""
    install(tmp_path, "cluster", CLUSTER)
    monkeypatch.setenv("HERE", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")])))
    monkeypatch.setenv("GRADSUITE_DISABLE_PLUGINS", "numpy,torch,jax,peers")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.close()
    sys.modules.pop("cluster_plugin", None)


def trials(what, count, backend="echo", *, timed=False):
    name = "timed" if timed else "spread"
    settings = ({"number": number, "what": what} for number in range(count))
    return [Trial(name, backend, "cpu", one, timed=timed) for one in settings]


def values(result, metric):
    return [row.value for row in result.measurements if row.metric == metric]


def test_backends_are_described_and_trials_measured_by_workers_that_live_on(cluster):
    with executor_on(cluster) as (executor, started):
        assert set(executor.describe(["echo", "delta"])) == {"echo", "delta"}
        assert executor.machine()["dask_workers"] == 2
        assert executor.room().free > 0
        done = list(executor.run([[trial] for trial in [*trials("pid", 20), *trials("fails", 1)]]))
        failures = [result for trial, result in done if trial.settings["what"] == "fails"]
        assert [(one.status, one.reason) for one in failures] == [("error", "ZeroDivisionError: its own fault")]
        measured = [result for trial, result in done if trial.settings["what"] == "pid"]
        assert sorted(value for result in measured for value in values(result, "number")) == list(range(20))
        pids = {int(value) for result in measured for value in values(result, "pid")}
        assert len(pids) <= 3  # one for each Dask worker, and one more after the failure
        (name,) = {result.machine for _, result in done}
        assert executor.machines().keys() == {name}
        assert executor.machines()[name]["threads"] == 1
        assert all(process.poll() is None for process in started)
    assert all(until(lambda pid=pid: not psutil.pid_exists(pid), "the end of a worker") for pid in pids)


def test_a_timing_group_stays_together_and_has_the_machine_for_itself(cluster):
    groups = [
        list(group) for group in zip(*(trials("span", 4, name, timed=True) for name in ("echo", "delta")), strict=True)
    ]
    with executor_on(cluster) as (executor, _):
        done = list(executor.run([*groups, *([trial] for trial in trials("span", 4))]))
    untimed, timed = done[:4], done[4:]
    assert [trial.timed for trial, _ in done] == [False] * 4 + [True] * 8
    spans = sorted((values(result, "began")[0], values(result, "ended")[0]) for _, result in timed)
    assert all(ended <= began for (_, ended), (began, _) in pairwise(spans))
    numbers = [trial.settings["number"] for trial, _ in timed]
    assert numbers == [number for number in numbers[::2] for _ in range(2)]
    assert {result.status for _, result in untimed} == {"ok"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("victim", ["worker", "nanny", "worker of a nanny"])
def test_a_dask_worker_that_leaves_is_said_once_and_costs_nothing(cluster, tmp_path, victim, number):
    said, done = [], []
    with executor_on(cluster, said=said, nanny="nanny" in victim) as (executor, started):
        running = threading.Thread(
            target=lambda: done.extend(executor.run([[trial] for trial in trials("wait", 6)])), daemon=True
        )
        running.start()
        until(lambda: len(list(tmp_path.glob("begun-*"))) == 2, "a trial on each worker")
        ours = psutil.Process(started[0].pid)
        if victim == "worker of a nanny":
            ours = next(child for child in ours.children() if "spawn_main" in " ".join(child.cmdline()))
        ours.send_signal(number)
        until(lambda: any("is gone" in line for line in said), "a line about it")
        (tmp_path / "go").touch()
        running.join(100)
    assert sorted(trial.settings["number"] for trial, _ in done) == list(range(6))
    assert {result.status for _, result in done} == {"ok"}
    assert len([line for line in said if "is gone: what it was measuring is measured by another" in line]) == 1


def test_trials_over_which_every_worker_is_lost_are_errors_and_a_late_worker_takes_the_rest(
    cluster, tmp_path, monkeypatch
):
    monkeypatch.setattr("gradsuite.running.executors.dask.TRIES", 1)
    said, done = [], []
    with executor_on(cluster, workers=1, said=said) as (executor, started):
        running = threading.Thread(
            target=lambda: done.extend(executor.run([[trial] for trial in trials("wait", 6)])), daemon=True
        )
        running.start()
        until(lambda: list(tmp_path.glob("begun-*")), "a trial")
        started[0].send_signal(signal.SIGKILL)
        until(lambda: "no Dask worker is left: waiting for one" in said, "a line about it")
        (tmp_path / "go").touch()
        cluster.worker()
        running.join(100)
    assert len(done) == 6
    lost = [result for _, result in done if result.status == "error"]
    assert {one.reason for one in lost} == {"the Dask worker that measured it was lost, 1 times"}
    assert 1 <= len(lost) <= 2  # the one that was measured, and the one that waited for its thread
    assert [result.status for _, result in done].count("ok") == 6 - len(lost)


def test_a_worker_that_joins_late_takes_part(cluster, tmp_path):
    said, done = [], []
    with executor_on(cluster, workers=1, said=said) as (executor, _):
        running = threading.Thread(
            target=lambda: done.extend(executor.run([[trial] for trial in trials("wait", 8)])), daemon=True
        )
        running.start()
        until(lambda: list(tmp_path.glob("begun-*")), "a trial")
        cluster.worker()
        until(
            lambda: len({path.name.split("-")[2] for path in tmp_path.glob("begun-*")}) == 2, "the late worker's first"
        )
        (tmp_path / "go").touch()
        running.join(100)
    assert {result.status for _, result in done} == {"ok"}
    assert len(done) == 8
    assert any(line.startswith("a Dask worker has joined at tcp://") for line in said)


def test_a_scheduler_that_is_lost_ends_the_run_with_a_line(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr("gradsuite.running.executors.fleet.ANSWER", 2.0)
    with executor_on(cluster) as (executor, _):
        running = executor.run([[trial] for trial in [*trials("pid", 2), *trials("wait", 6)]])
        first = [next(running), next(running)]
        cluster.scheduler.send_signal(signal.SIGKILL)
        cluster.scheduler.wait()
        with pytest.raises(Halted, match="the Dask scheduler no longer answers"):
            list(running)
    assert {result.status for _, result in first} == {"ok"}


def rows(run):
    query = (
        "SELECT experiment, backend, settings, status, reason, metric, value FROM trials"
        " LEFT JOIN measurements ON trial_id = id WHERE metric IS NULL OR metric != 'pid' ORDER BY 1, 2, 3, 6"
    )
    with sqlite3.connect(f"{run}/run.sqlite") as database:
        return list(database.execute(query))


def test_a_run_on_two_workers_has_the_numbers_of_a_local_one_and_says_which_machine_they_are_of(cluster, tmp_path):
    def run(*options):
        asked = ["run", "spread", "timed", "--preset", "quick", "--backend", "echo,delta", "--threads", "1", *options]
        done = subprocess.run(
            [sys.executable, "-m", "gradsuite", *asked],
            cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=400,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return tmp_path / done.stdout.splitlines()[-1]

    local = run("--name", "local")
    for _ in range(2):
        cluster.worker()
    with distributed.Client(cluster.address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=100)
    spread = run("--name", "spread", "--executor", "dask", "--scheduler", cluster.address)
    assert rows(spread) == rows(local)
    assert len(rows(spread)) == 2 * 2 * 6
    with sqlite3.connect(spread / "run.sqlite") as database:
        (machines,) = database.execute("SELECT count(DISTINCT machine) FROM trials WHERE machine != ''")
    assert machines == (1,)


@pytest.mark.skipif(sys.platform != "linux", reason="plugins are rehearsed on Linux alone")
def test_a_plugin_that_would_end_the_host_ends_no_dask_worker(cluster, tmp_path):
    install(tmp_path, "deadly", "import ctypes\nctypes.CDLL(None)._exit(0)\n")
    cluster.worker()
    words = ("--executor", "dask", "--scheduler", cluster.address, "--set", "number=1", "--no-preflight")
    done = gradsuite(tmp_path, "run", "spread", "--preset", "quick", "--backend", "echo", *words)
    assert done.returncode == 0, done.stderr
    assert "not available: deadly: its process ended with exit status 0 as it was loaded" in done.stderr
    assert "is gone" not in done.stderr


def test_a_cluster_without_workers_is_refused(cluster):
    configuration = Configuration(executor="dask", scheduler=cluster.address)
    with pytest.raises(UserError, match="has no workers"):
        open_executor(configuration, load(), machine())
