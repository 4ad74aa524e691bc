from itertools import product
from typing import ClassVar

import pytest
from gradsuite.backend import BackendInfo
from gradsuite.errors import UserError
from gradsuite.experiment import Experiment
from gradsuite.hookspecs import hookimpl
from gradsuite.plugins import Plugins, Registration
from gradsuite.rows import Measurement
from gradsuite.running.keys import Keys
from gradsuite.running.plan import refusal, study
from gradsuite.settings import DTYPE, Setting


class Question(Experiment):
    name = "question"
    question = "?"
    settings = (Setting("gain", float, "gain", minimum=0, above=True), DTYPE)
    presets: ClassVar = {
        "quick": {"gain": [1.0], "dtype": ["float64"]},
        "peers": {"gain": [3.0], "dtype": ["float64"]},
    }

    def measure(self, backend, device, settings):
        yield [Measurement("x", 1.0)]


class Sizes(Question):
    name = "sizes"
    settings = (Setting("size", int, "size", minimum=1), Setting("gain", float, "gain"))
    presets: ClassVar = {"quick": {"size": [1, 2], "gain": [1.0]}}

    def trials(self, grid):
        return (trial for trial in super().trials(grid) if trial["size"] <= trial["gain"] * 2)


class Long(Question):
    name = "long"
    apart = ("quick",)


class Twice(Question):
    name = "twice"
    named = True

    def backends(self, names):
        return [either for name in names for either in (name, f"{name}@2")]


class Both:
    @hookimpl
    def register_experiments(self, register):
        register(Question)
        register(Twice)
        register(Long)
        register(Sizes)


@pytest.fixture
def plugins():
    return Plugins({"both": Both()})


def info(**changes):
    said = {"versions": {"lib": "1"}, "devices": ("cpu",), "dtypes": ("float64",), "cells": ("rnn",)}
    return BackendInfo("b", **said | changes)


def test_the_trials_are_the_product_of_settings_with_the_backends_of_one_setting_together(plugins):
    groups = study(plugins, ["question"], "quick", {"gain": ["1", "2"], "dtype": ["float32", "float64"]}).groups(
        ["a", "b"], "cuda"
    )
    assert [dict(group[0].settings) for group in groups] == [
        {"gain": gain, "dtype": dtype} for gain, dtype in product([1.0, 2.0], ["float32", "float64"])
    ]
    assert all([trial.backend for trial in group] == ["a", "b"] for group in groups)
    assert {trial.device for group in groups for trial in group} == {"cuda"}


def test_without_names_all_experiments_that_have_the_preset(plugins):
    assert [one.name for one in study(plugins, [], "quick", {}).experiments] == ["question", "sizes"]
    assert [one.name for one in study(plugins, [], "peers", {}).experiments] == ["long", "question"]


def test_an_experiment_can_have_a_backend_twice_and_wait_to_be_named(plugins):
    planned = study(plugins, ["question", "twice"], "quick", {})
    assert planned.backends(["mine"]) == ["mine", "mine@2"]
    assert [[trial.backend for trial in group] for group in planned.groups(["mine"], "cpu")] == [
        ["mine"], ["mine", "mine@2"],
    ]  # fmt: skip
    assert "twice" not in [one.name for one in study(plugins, [], "quick", {}).experiments]


def test_a_change_applies_to_the_experiments_that_have_the_setting(plugins):
    both = study(plugins, [], "quick", {"size": [1, 3], "gain": [1.5]})
    trials = [dict(group[0].settings) for group in both.groups(["a"], "cpu")]
    assert trials == [{"gain": 1.5, "dtype": "float64"}, {"size": 1, "gain": 1.5}, {"size": 3, "gain": 1.5}]


def test_a_value_given_twice_is_one_trial(plugins):
    assert len(study(plugins, ["question", "question"], "quick", {"gain": ["1", 1, "1.0"]}).groups(["a"], "cpu")) == 1


@pytest.mark.parametrize(
    ("names", "preset", "changes", "message"),
    [
        (["questoin"], "quick", {}, r"unknown experiment 'questoin'; did you mean 'question'\?"),
        ([], "quik", {}, r"unknown preset 'quik'; did you mean 'quick'\? \(allowed: peers, quick\)"),
        (["sizes"], "peers", {}, r"unknown preset 'peers'"),
        (["question", "sizes"], "peers", {}, "unknown preset of sizes 'peers'"),
        ([], "quick", {"gian": [1]}, r"unknown setting 'gian'; did you mean 'gain'\? \(allowed: dtype, gain, size\)"),
        (["question"], "quick", {"size": [1]}, "unknown setting 'size'"),
        ([], "quick", {"gain": []}, "setting 'gain' was given no value"),
        ([], "quick", {"size": [0]}, "size must be at least 1, not 0"),
        ([], "quick", {"size": ["-3"]}, "size must be at least 1, not -3"),
        ([], "quick", {"gain": ["x"]}, "gain must be a number, not 'x'"),
        ([], "quick", {"dtype": ["float46"]}, r"unknown dtype 'float46'; did you mean 'float64'\?"),
    ],
)
def test_what_cannot_be_planned_is_refused(plugins, names, preset, changes, message):
    with pytest.raises(UserError, match=message):
        study(plugins, names, preset, changes)


def test_without_any_experiment_there_is_nothing_to_run():
    with pytest.raises(UserError, match="there is no experiment to run: the plugin 'x' is blocked"):
        study(Plugins(blocked=["x"]), [], "quick", {})


def test_no_trials_at_all_is_refused(plugins):
    with pytest.raises(UserError, match="no trial is left"):
        study(plugins, ["sizes"], "quick", {"size": [9]})


@pytest.mark.parametrize(
    ("device", "settings", "reason"),
    [
        ("cpu", {"cell": "rnn", "dtype": "float64"}, None),
        ("cpu", {"gain": 1.0}, None),
        ("cuda", {}, "b has no device 'cuda' (it has: cpu)"),
        ("cpu", {"dtype": "float16"}, "b has no dtype 'float16' (it has: float64)"),
        ("cpu", {"cell": "lstm"}, "b has no cell 'lstm' (it has: rnn)"),
    ],
)
def test_what_a_backend_does_not_claim_is_refused(device, settings, reason):
    assert refusal(info(), device, settings) == reason


def test_keys_depend_on_versions_and_settings_alone(plugins):
    (trial,), (other,) = study(plugins, ["question"], "quick", {"gain": [1, 2]}).groups(["b"], "cpu")
    keys, later = Keys(plugins, {"b": info()}), Keys(plugins, {"b": info(versions={"lib": "2"})})
    assert keys(trial) == Keys(plugins, {"b": info(devices=("cpu", "cuda"))})(trial)
    assert len({keys(trial), keys(other), later(trial), later(other)}) == 4


class Louder(Question):
    name = "louder"
    settings = (Setting("gain", float, "decibels"),)
    presets: ClassVar = {"quick": {"gain": [1.0]}}


def test_a_setting_that_means_several_things_is_set_for_one_experiment_at_a_time():
    plugins = Plugins()
    for experiment in (Question, Louder):
        plugins.registrations["experiment"][experiment.name] = Registration(
            "experiment", experiment.name, experiment, "both"
        )
    with pytest.raises(
        UserError, match="setting 'gain' means several things: 'gain' in question; 'decibels' in louder"
    ):
        study(plugins, ["question", "louder"], "quick", {"gain": [2.0]})
    assert study(plugins, ["louder"], "quick", {"gain": [2.0]}).grid(Louder()) == {"gain": [2.0]}
    assert len(study(plugins, ["question", "louder"], "quick", {}).experiments) == 2


def test_a_backend_with_autodiff_refuses_no_cell():
    said = {"name": "mine", "versions": {}, "devices": ("cpu",), "dtypes": ("float64",), "cells": ("rnn",)}
    assert refusal(BackendInfo(**said, features=("autodiff",)), "cpu", {"cell": "lru"}) is None
    assert refusal(BackendInfo(**said), "cpu", {"cell": "lru"}) == "mine has no cell 'lru' (it has: rnn)"


def test_a_preset_leaves_out_what_stands_apart_from_it_unless_it_is_named(plugins):
    quick, peers, named = (
        study(plugins, [], "quick", {}),
        study(plugins, [], "peers", {}),
        study(plugins, ["long"], "quick", {}),
    )
    assert "long" not in [one.name for one in quick.experiments]
    assert quick.apart == ("long",)
    assert "long" in [one.name for one in peers.experiments]
    assert [one.name for one in named.experiments] == ["long"]
    assert peers.apart == named.apart == ()
