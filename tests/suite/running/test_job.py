"""The main job in this process, with real workers and a report that is not drawn."""

import json
import signal
from datetime import date

import pytest
from gradsuite.errors import UserError
from gradsuite.hookspecs import hookimpl
from gradsuite.plugins import load
from gradsuite.running.configuration import Configuration
from gradsuite.running.folder import new_run
from gradsuite.running.job import Job
from gradsuite.runs.database import Unwritable
from gradsuite.runs.store import Run

from tests.stored import draw_nothing


@pytest.fixture(autouse=True)
def drawn(monkeypatch):
    """The runs whose report was asked for, in place of the reports."""
    runs = []
    draw_nothing(monkeypatch, lambda run, sections: runs.append(run))
    return runs


def configuration(*behaviours, **changes):
    changes = {"experiment": ["probe"], "backend": ["echo", "delta"], "preset": "quick"} | changes
    return Configuration(set={"behaviour": behaviours or ["one"], "size": [1, 2]}, timeout=60, **changes)


@pytest.fixture
def start(probe):
    """Run a configuration; what is said is in `start.said`, the plugins are `start.plugins`."""

    def start(configuration, unfinished=None):
        return Job(configuration, start.plugins, start.said.append).run(unfinished)

    start.said = []
    start.plugins = load()
    return start


def statuses(run):
    trials = run.trials()
    behaviours = [json.loads(text)["behaviour"] for text in trials["settings"]]
    return {(behaviour, backend): status for behaviour, backend, status in zip(
        behaviours, trials["backend"], trials["status"], strict=True
    )}  # fmt: skip


def test_a_run_holds_every_trial_and_what_was_asked_for(start):
    run, complete = start(configuration("one", "unsupported"))
    assert complete
    assert statuses(run) == {
        ("one", "echo"): "ok", ("one", "delta"): "ok",
        ("unsupported", "echo"): "unsupported", ("unsupported", "delta"): "unsupported",
    }  # fmt: skip
    meta = Run.open(run.path).meta
    assert meta["experiments"] == ["probe"]
    assert meta["preset"] == "quick"
    assert meta["settings"] == {"behaviour": ["one", "unsupported"], "size": [1, 2]}
    assert meta["backends"]["echo"]["versions"] == {"echo": "1.0"}
    assert meta["machine"]["threads"] >= 1
    assert meta["started"] <= meta["finished"]
    assert start.said[-1] == "4 ok, 4 unsupported"


def test_without_names_the_default_backends_run_and_the_lost_ones_are_told(start):
    run, _ = start(configuration(backend=[], no_plugin=["torch", "jax"]))
    assert {"echo", "delta", "numpy"} <= set(run.meta["backends"])
    lost = {one["name"]: one for one in run.meta["unavailable"]}
    assert lost["gone"] == {
        "name": "gone", "reason": "no_such_framework not installed", "install": "pip install gone",
    }  # fmt: skip
    assert "not available: gone: no_such_framework not installed; to install it: pip install gone" in start.said


class Tuning:
    @hookimpl
    def worker_environment(self, backend, machine):
        return {"FASTER": "yes"} if backend == "echo" and machine["tuned"] else None


def test_tuned_workers_are_labelled_and_stay_tuned_when_resumed(start):
    start.plugins.add("tuning", Tuning())
    run, _ = start(configuration(tuned=True))
    assert set(run.trials()["backend"]) == {"echo@tuned", "delta"}
    assert run.meta["tuned"] == {"echo@tuned": {"FASTER": "yes"}}
    assert "tuned: echo@tuned with FASTER=yes" in start.said
    again, _ = start(Configuration.resumed(run.meta, {}), run)
    assert len(again.trials()) == len(run.trials()) == 4
    assert again.meta["tuned"] == run.meta["tuned"]


def test_where_nothing_is_to_be_gained_tuned_changes_nothing_and_says_so(start):
    run, _ = start(configuration(tuned=True))
    assert set(run.trials()["backend"]) == {"echo", "delta"}
    assert "tuned: nothing: no plugin knows of anything faster than the default here" in start.said


def test_a_backend_is_measured_under_two_names_in_workers_of_its_own(start, probe, monkeypatch):
    monkeypatch.setenv("PROBE_LOG", str(probe / "log"))
    run, _ = start(configuration("log", backend=["echo", "echo@2"]))
    assert statuses(run) == {("log", "echo"): "ok", ("log", "echo@2"): "ok"}
    assert set(run.meta["backends"]) == {"echo", "echo@2"}


def test_what_a_backend_does_not_claim_is_unsupported_without_asking_it(start):
    asked = configuration("kill", device="cpu")
    asked.set["dtype"] = ["float16"]
    run, _ = start(asked)
    assert set(run.trials()["status"]) == {"unsupported"}
    assert set(run.trials()["reason"]) == {
        "echo has no dtype 'float16' (it has: float64, float32)",
        "delta has no dtype 'float16' (it has: float64, float32)",
    }


def test_resuming_measures_what_failed_and_what_is_missing_and_nothing_else(start, probe, monkeypatch):
    monkeypatch.setenv("PROBE_LOG", str(probe / "no" / "folder" / "log"))  # the experiment fails to write there
    run, _ = start(configuration("one", "log"))
    assert statuses(run)["log", "echo"] == "error"
    before = run.trials().set_index("key")
    monkeypatch.setenv("PROBE_LOG", str(probe / "log"))
    stored = Configuration.resumed(run.meta, {})
    again, _ = start(stored, Run.open(run.path))
    assert again.path == run.path
    assert set(statuses(again).values()) == {"ok"}
    after = again.trials().set_index("key")
    assert set(before.index) == set(after.index)
    kept = before.index[before["status"] == "ok"]
    assert after.loc[kept, "seconds"].tolist() == before.loc[kept, "seconds"].tolist()
    assert len((probe / "log").read_text().splitlines()) == 4 * 3
    assert again.meta["started"] == run.meta["started"]
    assert again.meta["resumed"]
    assert any("4 of 8 trials to measure" in line for line in start.said)


def test_a_new_version_of_a_backend_is_measured_again(start, probe):
    run, _ = start(configuration())
    plugin = probe / "probe_plugin.py"
    # Of another length: compiled modules are told apart by the second they were written in and their size.
    plugin.write_text(plugin.read_text().replace('{self.name: "1.0"}', '{self.name: "1.10"}'))
    again, _ = start(Configuration.resumed(run.meta, {}), run)
    assert len(again.statuses()) == 8
    assert len(again.trials()) == 4


class Listener:
    def __init__(self):
        self.trials, self.runs = [], []

    @hookimpl
    def trial_finished(self, trial, result):
        stored = self.run.statuses() if self.trials else {}
        self.trials.append((trial.backend, result.status, len(stored)))

    @hookimpl
    def run_finished(self, run):
        self.runs.append(run.path)


def test_plugins_are_told_of_trials_once_stored_and_of_the_run_once_reported(start, drawn, monkeypatch):
    listener = Listener()
    create = Run.create
    monkeypatch.setattr(Run, "create", lambda *arguments: setattr(listener, "run", create(*arguments)) or listener.run)
    start.plugins.add("listener", listener)
    job = Job(configuration(), start.plugins, start.said.append)
    run, _ = job.run()
    assert len(listener.trials) == 4
    assert [stored for _, _, stored in listener.trials[1:]] == [2, 3, 4]
    assert listener.runs == []
    assert job.publication(run).make()
    assert drawn == [run]
    assert listener.runs == [run.path]
    assert (run.path / "measurements.csv").exists()


def test_a_hook_that_fails_costs_nothing_else(start):
    class Faulty:
        @hookimpl
        def trial_finished(self, trial, result):
            raise ZeroDivisionError("in a hook")

        @hookimpl
        def run_finished(self, run):
            raise ZeroDivisionError("at the end")

    start.plugins.add("faulty", Faulty())
    job = Job(configuration(), start.plugins, start.said.append)
    run, complete = job.run()
    assert complete
    assert set(statuses(run).values()) == {"ok"}
    assert start.said.count("the hook trial_finished of the plugin 'faulty' failed: ZeroDivisionError: in a hook") == 1
    assert not job.publication(run).make()
    assert "the hook run_finished of the plugin 'faulty' failed: ZeroDivisionError: at the end" in start.said


def test_a_report_that_fails_costs_no_result(start, monkeypatch):
    def fail(run, sections):
        raise RuntimeError("no\nink")

    monkeypatch.setattr("gradsuite.report.page.write_page", fail)
    job = Job(configuration(), start.plugins, start.said.append)
    run, _ = job.run()
    assert not job.publication(run).make()
    assert start.said[-1] == (
        f"the report could not be written: RuntimeError: no ink; nothing measured is lost: gradsuite report {run.path}"
    )
    assert len(Run.open(run.path).measurements()) == 4


def test_an_interrupted_run_keeps_what_was_finished_and_can_be_resumed(start):
    class Impatient:
        seen = 0

        @hookimpl
        def trial_finished(self, trial, result):
            self.seen += 1
            if self.seen == 3:
                signal.raise_signal(signal.SIGINT)  # Ctrl-C; a KeyboardInterrupt of its own were its fault

    start.plugins.add("impatient", Impatient())
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell has its background ignore
    run, complete = start(configuration())
    signal.signal(signal.SIGINT, before)
    assert not complete
    assert len(run.statuses()) == 3
    assert "finished" not in run.meta
    start.plugins.remove("impatient")
    again, complete = start(Configuration.resumed(run.meta, {}), run)
    assert complete
    assert len(again.statuses()) == 4


def test_a_store_that_cannot_be_written_ends_the_run_in_one_line(start, monkeypatch):
    def full(self, trial, key, result):
        raise Unwritable(f"cannot write to {str(self.path)!r}: database or disk is full")

    monkeypatch.setattr(Run, "add", full)  # a disk that is full: test_durability.py
    with pytest.raises(UserError, match=r"cannot write to .*: database or disk is full; what was measured is kept"):
        start(configuration())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backend": ["ecko"]}, r"unknown backend 'ecko'; did you mean 'echo'\?"),
        (
            {"backend": ["gone"]},
            "not available: gone: no_such_framework not installed; to install it: pip install gone",
        ),
        ({"experiment": ["prob"]}, r"unknown experiment 'prob'; did you mean 'probe'\?"),
        ({"preset": "fast"}, "unknown preset 'fast'"),
        ({"device": "cuda"}, "no backend has the device 'cuda' .echo has cpu; delta has cpu."),
        ({"out": "file/x"}, "cannot write into 'file/x': .*; choose another folder with --out"),
    ],
)
def test_what_cannot_be_run_is_refused_and_leaves_no_run(start, probe, changes, message):
    (probe / "file").write_text("")
    with pytest.raises(UserError, match=message):
        start(configuration(**changes))
    assert not (probe / "results").exists()


def test_runs_have_names_of_their_own(tmp_path):
    today = date.today().isoformat()
    names = [new_run(str(tmp_path / "new"), "quick", None, {}).path.name for _ in range(3)]
    assert names == [f"{today}-quick-{number}" for number in (1, 2, 3)]
    assert new_run(str(tmp_path / "new"), "full", None, {}).path.name == f"{today}-full-1"
