"""The Dask executor, on a cluster of this machine."""

import pytest
from gradsuite.errors import UserError
from gradsuite.experiment import Trial
from gradsuite.machine.facts import machine
from gradsuite.plugins import load
from gradsuite.rows import Measurement
from gradsuite.running.configuration import Configuration
from gradsuite.running.executors import open_executor

distributed = pytest.importorskip("distributed")


@pytest.fixture
def scheduler(probe):
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None, silence_logs=50
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def executor(scheduler):
    configuration = Configuration(executor="dask", scheduler=scheduler, timeout=60, threads=1)
    with open_executor(configuration, load(), machine()) as executor:
        yield executor


def trial(behaviour, backend="echo"):
    return Trial("probe", backend, "cpu", {"behaviour": behaviour, "dtype": "float64", "size": 1, "gain": 0.5})


def test_backends_are_described_where_trials_are_run(executor):
    said = executor.describe(["echo", "gone"])
    assert said["echo"].dtypes == ("float64", "float32")
    assert said["gone"] == "no_such_framework not installed"
    assert executor.machine()["threads"] == 1
    assert executor.machine()["dask_workers"] == 2


def test_trials_are_run_there_and_failures_cost_themselves(executor):
    groups = [[trial(behaviour, backend) for backend in ("echo", "delta")] for behaviour in ("three", "kill", "raise")]
    done = {(one.settings["behaviour"], one.backend): result for one, result in executor.run(groups)}
    assert len(done) == 6
    for backend in ("echo", "delta"):
        three = done["three", backend]
        assert three.measurements == tuple(Measurement("round", float(number), "", number) for number in range(3))
        assert done["kill", backend].reason.startswith("the worker was killed by SIGKILL")
        assert done["raise", backend].reason == "ZeroDivisionError: a fault in .../place/package/module.py"


def test_what_fails_outside_a_worker_is_an_error_of_its_trial(executor, monkeypatch):
    def break_down(configuration, trial):
        raise RuntimeError("the machine is gone")

    monkeypatch.setattr("gradsuite.running.executors.dask.run_trial", break_down)
    ((_, result),) = executor.run([[trial("one")]])
    assert (result.status, result.reason) == ("error", "RuntimeError: the machine is gone")


def test_a_cluster_without_workers_is_refused(monkeypatch):
    with distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=None) as cluster:
        configuration = Configuration(executor="dask", scheduler=cluster.scheduler_address)
        with pytest.raises(UserError, match="has no workers"):
            open_executor(configuration, load(), machine())
