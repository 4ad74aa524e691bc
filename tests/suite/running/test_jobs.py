"""Trials that time nothing, side by side on several workers of one backend; parts of a run, measured apart."""

from pathlib import Path

import pytest
from gradsuite.errors import UserError
from gradsuite.experiment import Trial
from gradsuite.machine.facts import machine
from gradsuite.plugins import load
from gradsuite.running.configuration import Configuration
from gradsuite.running.executors.local import LocalExecutor
from gradsuite.running.shard import Shard
from gradsuite.runs.store import Run
from gradsuite.worker.environment import WorkerEnvironment

from tests.throwaway import install

TOGETHER = """
import os, time
from pathlib import Path
from gradsuite import Experiment, Measurement, hookimpl
from gradsuite.errors import UserError
from gradsuite.settings import SEED

class Together(Experiment):
    name = "together"
    question = "Do so many meet?"
    settings = (SEED,)
    timed = False
    presets = {"quick": {"seed": [0, 1, 2]}}

    def measure(self, backend, device, settings):
        here = Path("here")
        here.mkdir(exist_ok=True)
        (here / str(settings["seed"])).touch()
        deadline = time.monotonic() + 50
        while len(list(here.iterdir())) < 3:
            if time.monotonic() > deadline:
                raise UserError("nobody came")
            time.sleep(0.01)
        yield [Measurement("threads", int(os.environ["OMP_NUM_THREADS"]))]

@hookimpl
def register_experiments(register):
    register(Together)
"""


def measured(jobs, trials, threads=2):
    environment = WorkerEnvironment(load(), machine(threads=threads))
    with LocalExecutor(environment, timeout=60, jobs=jobs) as executor:
        done = {str(dict(trial.settings)): result for trial, result in executor.run([[trial] for trial in trials])}
        processes = [one for workers in executor.sharing for one in workers.processes]
    assert not processes
    assert len(done) == len(trials)
    return done


def test_one_backend_has_as_many_workers_as_jobs_with_a_thread_each(probe, tmp_path):
    install(tmp_path, "together", TOGETHER)
    done = measured(3, [Trial("together", "echo", "cpu", {"seed": seed}, timed=False) for seed in range(3)])
    assert {result.status for result in done.values()} == {"ok"}  # of three that meet, each waits for the others
    assert {row.value for result in done.values() for row in result.measurements} == {1.0}


def test_results_are_those_of_one_job_to_the_last_bit(monkeypatch):
    monkeypatch.setenv("GRADSUITE_DISABLE_PLUGINS", "torch,jax,peers")
    experiment = load().experiment("gradient-time")
    changes = {"cell": ["rnn", "lstm"], "gain": [0.5, 1.0, 2.0], "length": [40], "task": ["noise"]}
    settings = list(experiment.trials(experiment.grid("quick", changes)))
    trials = [Trial("gradient-time", "numpy", "cpu", one, timed=False) for one in settings]
    one, several = measured(1, trials), measured(3, trials)
    assert {name: result.measurements for name, result in one.items()} == {
        name: result.measurements for name, result in several.items()
    }
    assert all(len(result.measurements) > 40 for result in one.values())


def test_what_is_timed_has_the_machine_for_itself_whatever_the_jobs(probe, monkeypatch, tmp_path):
    monkeypatch.setenv("PROBE_LOG", str(tmp_path / "log"))
    settings = {"behaviour": "log", "dtype": "float64", "gain": 0.5}
    measured(3, [Trial("probe", "echo", "cpu", {**settings, "size": size}) for size in (1, 2)])
    assert (tmp_path / "log").read_text().split("\n") == [*(f"echo {number}" for number in (0, 1, 2, 0, 1, 2)), ""]


@pytest.mark.parametrize("jobs", [0, -1, 10**6])
def test_jobs_are_a_number_of_processes(jobs):
    with pytest.raises(UserError, match=r"jobs must be at (least 1|most 1024), not"):
        Configuration(jobs=jobs)


@pytest.mark.parametrize("text", ["", "3", "0/3", "4/3", "1/0", "-1/3", "a/b", "1/3/5", "1.5/3", "1/" + "9" * 50])
def test_a_shard_is_one_of_so_many(text):
    with pytest.raises(UserError, match=r"a shard is I/N with I from 1 to N, such as 3/16, not"):
        Configuration(shard=text)


@pytest.mark.parametrize("count", [1, 3, 7, 20])
def test_shards_are_a_whole_of_almost_equal_parts(count):
    groups = [[number] for number in range(11)]
    parts = [list(Shard(number, count).of(groups)) for number in range(1, count + 1)]
    assert sorted(group for part in parts for group in part) == groups
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def rows(path):
    run = Run.open(path)
    frame = run.measurements().drop(columns=["machine"])
    order = ["experiment", "backend", "settings", "metric", "layer", "index"]
    return frame.sort_values(order, ignore_index=True), run


def test_shards_that_are_merged_are_what_one_run_measures(type_in):
    asked = ("run", "probe", "--backend", "echo,delta", "--set", "size=1,2,3,4,5", "--set", "behaviour=one,three")
    (_, output, _) = type_in(*asked)
    whole, _ = rows(output.splitlines()[-1])
    parts = []
    for number in (1, 2, 3):
        status, output, _ = type_in(*asked, "--shard", f"{number}/3")
        assert status == 0
        parts.append(output.splitlines()[-1])
        part, run = rows(parts[-1])
        assert part.groupby("settings")["backend"].nunique().eq(2).all()  # those of one setting stay together
        assert run.meta["configuration"]["shard"] == f"{number}/3"
    type_in("merge", *parts, "--out", "merged")
    merged, run = rows("merged")
    assert merged.equals(whole)
    assert len(whole) == 2 * 5 * (1 + 3)
    assert len(run.merged) == 1
    assert Path("merged/measurements.csv").exists()


def test_a_shard_that_is_resumed_stays_one(type_in):
    asked = ("run", "probe", "--backend", "echo", "--set", "size=1,2,3,4", "--shard", "2/2")
    _, output, errors = type_in(*asked)
    assert "2 of 2 trials to measure" in errors
    _, _, errors = type_in("run", "--resume", output.splitlines()[-1])
    assert "0 of 2 trials to measure" in errors
