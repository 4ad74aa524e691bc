"""`gradsuite.run`: the main job from Python, with a real worker and a report that is drawn."""

import gradsuite
import numpy as np
import pytest
from gradsuite.errors import UserError
from gradsuite.report.section import missing
from gradsuite.running.job import Job
from gradsuite.runs.store import Run

TINY = {"experiment": "tiny", "backend": "numpy", "preset": "quick"}


def test_a_run_from_python_is_quiet_and_comes_back_with_its_rows(tiny, capfd):
    run = gradsuite.run(["tiny"], backend=["numpy"], preset="quick", set={"number": [0.5, 1.5]}, out="runs")
    assert capfd.readouterr() == ("", "")
    assert run.path.parent.name == "runs"
    assert (run.path / "report.html").exists()
    assert (run.path / "measurements.csv").exists()
    assert run.trials["status"].tolist() == ["ok", "ok"]
    assert run.frame("tiny")["number"].tolist() == [0.5] * 3 + [1.5] * 3
    assert dict(zip(run.claims["name"], run.claims["verdict"], strict=True)) == {
        "tiny/least": "holds",
        "tiny/wrong": "fails",
    }


def test_its_options_are_those_of_the_command(tiny):
    (tiny / "study.toml").write_text('experiment = "tiny"\nbackend = "numpy"\npreset = "quick"\nset = {size = [2]}\n')
    run = gradsuite.run("study.toml", set={"number": np.arange(2, 4)}, out=tiny / "runs", timeout=30, progress=False)
    assert run.frame("tiny")[["number", "size"]].drop_duplicates().values.tolist() == [[2, 2], [3, 2]]
    assert Run.open(run.path).meta["settings"] == {"size": [2], "number": [2, 3]}


def test_progress_is_shown_if_it_is_asked_for(tiny, capfd):
    gradsuite.run(**TINY, set={"number": 1}, progress=True)
    output, shown = capfd.readouterr()
    assert output == ""
    assert "[1/1] tiny on numpy" in shown
    assert "1 of 1 trials to measure, on numpy" in shown


def test_what_was_interrupted_is_resumed(tiny, monkeypatch):
    measure = Job._measure
    monkeypatch.setattr(Job, "_measure", interrupted)
    with pytest.raises(KeyboardInterrupt, match=r"gradsuite\.run\(resume='results/.*-quick-1'\)"):
        gradsuite.run(**TINY)
    monkeypatch.setattr(Job, "_measure", measure)
    (folder,) = (path for path in (tiny / "results").iterdir() if path.name != "latest")
    with pytest.raises(UserError, match="preset cannot be changed"):
        gradsuite.run(resume=folder, preset="full")
    run = gradsuite.run(resume=folder, timeout=30)
    assert run.path == folder
    assert run.trials["status"].tolist() == ["ok", "ok"]


def unjudged(run):
    return missing("tiny", "Its claims could not be judged: ZeroDivisionError: division by zero", run.trials())


def interrupted(*_):
    raise KeyboardInterrupt


def test_claims_that_cannot_be_judged_are_an_error_that_names_the_run(tiny, monkeypatch):
    monkeypatch.setattr("gradsuite.report.page.drawn", lambda run, plugins, **_: [unjudged(run)])
    with pytest.raises(UserError, match=r"results/.*-quick-1: tiny: Its claims could not be judged: ZeroDivisionErr"):
        gradsuite.run(**TINY)
    (folder,) = (path for path in (tiny / "results").iterdir() if path.name != "latest")
    assert gradsuite.load(folder).trials["status"].tolist() == ["ok", "ok"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"experiment": "tyny"}, "unknown experiment 'tyny'; did you mean 'tiny'"),
        ({"backend": ["numpi"]}, "unknown backend 'numpi'; did you mean 'numpy'"),
        ({"presett": "quick"}, "unknown option of gradsuite.run 'presett'; did you mean 'preset'"),
        ({"preset": "quik"}, "unknown preset 'quik'; did you mean 'quick'"),
        ({"set": {"size": []}}, "setting 'size' was given no value"),
        ({"set": {"size": 0}}, "size must be at least 1, not 0"),
        ({"device": "abacus"}, "no backend has the device 'abacus'"),
        ({"resume": "nothing"}, "unknown run 'nothing'"),
    ],
)
def test_what_cannot_be_run_is_refused_and_leaves_nothing(tiny, options, message):
    with pytest.raises(UserError, match=message):
        gradsuite.run(**TINY | options)
    assert not (tiny / "results").exists()
