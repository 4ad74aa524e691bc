"""Names of tasks that say more than a name: what is in them, and that workers read the same file wherever they are."""

import os
import sys
from pathlib import Path

import pytest
from gradsuite.errors import UserError
from gradsuite.experiment import Trial
from gradsuite.hookspecs import hookimpl
from gradsuite.plugins import Plugins, load
from gradsuite.running.plan import study
from gradsuite.tasks import register_tasks
from gradsuite.tasks.files.query import Query, named
from gradsuite.tasks.synthetic.noise import Noise
from gradsuite.worker.process import Process
from hypothesis import given
from hypothesis import strategies as st

ROWS = "a,b\n" + "".join(f"{k * k % 7},{k % 5}\n" for k in range(60))
OPTIONS = ("target", "inputs", "horizon", "standardise")


class BuiltIn:
    register_tasks = staticmethod(register_tasks)


class Wide(Noise):
    """What a plugin would register: noise of a width that its name says."""

    name = "wide"
    form = "WIDTH"

    def __init__(self, width):
        self.input_size = width

    @classmethod
    def of(cls, argument):
        return cls(int(argument))


class Widening:
    @hookimpl
    def register_tasks(self, register):
        register(Wide)


@given(target=st.text(min_size=1), inputs=st.lists(st.text(min_size=1).filter(lambda one: one == one.strip() != "")))
def test_any_name_of_a_column_goes_through_a_name(target, inputs):
    name = named("csv:data.csv", {"target": target, "inputs": inputs, "horizon": 2, "standardise": True})
    query = Query.of("csv", name.partition(":")[2], OPTIONS)
    assert (query.file, query.text("target"), query.texts("inputs")) == ("data.csv", target, inputs)
    assert query.whole("horizon", 1, minimum=1) == 2
    assert query.flag("standardise")
    assert "," not in name  # commas part the values of --set


def test_what_a_name_says_already_is_replaced():
    assert named("csv:a.csv?target=x&horizon=3", {"horizon": 1}) == "csv:a.csv?target=x&horizon=1"
    assert named("npz:a.npz", {}) == "npz:a.npz"
    assert named("csv:a.csv", {"split": [0.7, 0.15, 0.15]}) == "csv:a.csv?split=0.7;0.15;0.15"


def test_a_plugin_may_have_such_names_too():
    plugins = Plugins({"tasks": BuiltIn, "widening": Widening()})
    assert plugins.task("wide:5").input_size == 5
    with pytest.raises(UserError, match="type wide:WIDTH"):
        plugins.task("wide")
    with pytest.raises(UserError, match="unknown task 'wid'; did you mean 'wide'"):
        plugins.task("wid:5")


def test_a_trial_is_another_once_its_data_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plugins = Plugins({"tasks": BuiltIn})

    def trial(name="csv:data.csv?target=a"):
        return Trial("e", "b", "cpu", {"task": name}, plugins.task(name).pin)

    Path("data.csv").write_text(ROWS)
    first = trial()
    assert first.key({}) == trial().key({})
    assert first.key({}) != Trial("e", "b", "cpu", first.settings).key({})
    assert first.sent()["task"].startswith(f"csv:{tmp_path}/data.csv?target=a&sha256=")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert plugins.task(first.sent()["task"]).count("train", length=3) == 42 - 3
    Path("data.csv").write_text(ROWS)
    assert trial().key({}) == first.key({})  # the same data elsewhere
    (tmp_path / "data.csv").write_text(ROWS + "1,1\n")
    with pytest.raises(UserError, match=r"data\.csv is not the file it was"):
        plugins.task(first.sent()["task"])
    monkeypatch.chdir(tmp_path)
    assert trial().key({}) != first.key({})


def test_a_worker_in_another_folder_reads_the_same_file(probe, tmp_path, monkeypatch):
    Path("data.csv").write_text(ROWS)
    changes = {"task": ["csv:data.csv?target=a"], "length": [9], "gain": [1.0], "cell": ["rnn"], "batch_size": [4]}
    (trial, *_), *_ = study(load(), ["gradient-time"], "quick", changes).groups(["numpy"], "cpu")
    assert trial.settings["task"] == "csv:data.csv?target=a"
    request = {"do": "start", "experiment": "gradient-time", "device": "cpu", "settings": trial.sent()}
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    worker = Process("numpy", dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path))))
    try:
        reply = worker.ask(request, 120)
        assert (reply["status"], reply.get("reason", "")) == ("ok", "")
        assert len(reply["measurements"]) >= 9  # a norm for each time step
        lost = worker.ask({**request, "settings": trial.settings}, 120)
        assert lost["status"] == "invalid"
        assert lost["reason"].startswith("no file 'data.csv' in ")
    finally:
        worker.close()


def test_a_run_does_not_go_on_with_other_data(type_in):
    Path("data.csv").write_text(ROWS)
    chosen = ["task=csv:data.csv?target=a", "length=9", "gain=1", "cell=rnn", "hidden_size=4", "batch_size=4"]
    line = ["run", "gradient-time", "--backend", "numpy", "--preset", "quick", "--no-preflight"]
    status, output, _ = type_in(*line, *(word for one in chosen for word in ("--set", one)))
    assert status == 0
    path = output.splitlines()[-1]
    status, output, errors = type_in("run", "--resume", path)
    assert status == 0
    assert "0 of 1 trials to measure" in errors
    assert str(Path.cwd()) not in output + (Path(path) / "measurements.csv").read_text()
    Path("data.csv").write_text(ROWS + "1,1\n")
    status, output, errors = type_in("run", "--resume", path)
    assert (status, output) == (2, "")
    assert errors == f"gradsuite: {path} was begun with other data: csv:data.csv?target=a has changed\n"


def test_a_training_says_what_it_reads_and_does_not_go_on_with_other_data(type_in, tmp_path, monkeypatch):
    Path("data.csv").write_text(ROWS)
    given = "--task csv:data.csv --target a --horizon 2 --inputs b,a --window 9 --split .6,.2,.2 --standardise"
    line = [
        "train",
        *given.split(),
        "--cell",
        "rnn",
        "--hidden-size",
        "4",
        "--batch-size",
        "4",
        "--evaluate-every",
        "2",
    ]
    status, output, errors = type_in(*line, "--steps", "2", "--save", "saved")
    assert status == 0, errors
    for note in (
        "inputs: b, a; target: a, 2 rows after the window",
        "60 rows in their order: targets of 36 for training, 12 for validation, 12 for test",
        "standardised by mean and deviation of the training rows",
    ):
        assert note in errors
    for forecast in ("mean", "last value", "AR(9)"):
        assert forecast in output
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    status, _, errors = type_in("train", "--resume", "../saved", "--steps", "4")
    assert status == 0, errors
    (tmp_path / "data.csv").write_text(ROWS + "1,1\n")
    status, output, errors = type_in("train", "--resume", "../saved", "--steps", "6")
    assert (status, output, errors.count("\n")) == (2, "", 1)
    assert errors.startswith("gradsuite: data.csv is not the file it was")
