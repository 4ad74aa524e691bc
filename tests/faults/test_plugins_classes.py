"""Experiments, tasks and cells that are none: each is listed with what is wrong, and all others work."""

import pytest
from gradsuite.errors import UserError
from gradsuite.plugins import load
from gradsuite.running.plan import study

from tests.faults.plugins import DEEDS, HEADER, blocked, class_name, experiment, install_all, is_safe, not_available
from tests.throwaway import gradsuite

# By name: what its class says in place of what `Good` says, and a part of the reason that is given.
EXPERIMENTS = {
    "no-question": ("question = None", "its question is a str"),
    "topic": ("topic = 'speed'", "its topic is a Topic"),
    "timed": ("timed = 'no'", "its timed is a bool"),
    "named-text": ("named = 'yes'", "its named is a bool"),
    "settings-none": ("settings = None", "its settings are a tuple"),
    "settings-texts": ("settings = ('size',)", "one of its settings is no Setting"),
    "settings-twice": ("settings = Good.settings * 2", "two of its settings are the same"),
    "settings-name": ("settings = (Setting('a size', int, 'a size'),)", "a setting's name is a word"),
    "settings-kind": ("settings = (Setting('size', list, 'a size'),)", "is of kind str, int or float"),
    "settings-help": ("settings = (Setting('size', int, None),)", "its help a sentence"),
    "settings-words": ("settings = (Setting('size', str, 'a size', choices=('a',)),)", "unknown size '1'"),
    "settings-registered": (
        "settings = (Setting('size', str, 'a size', registered=lambda: 1 / 0),)",
        "ZeroDivisionError",
    ),
    "presets-none": ("presets = None", "its presets is a Mapping"),
    "presets-empty": ("presets = {}", "it has no preset"),
    "presets-list": ("presets = {'quick': [1]}", "the preset 'quick' has values by setting"),
    "presets-name": ("presets = {'<b>': {'size': [1]}}", "a preset's name is of small letters"),
    "presets-number": ("presets = {1: {'size': [1]}}", "a preset's name is of small letters"),
    "presets-missing": ("presets = {'quick': {}}", "no list of values of the setting 'size'"),
    "presets-scalar": ("presets = {'quick': {'size': 1}}", "no list of values of the setting 'size'"),
    "presets-no-value": ("presets = {'quick': {'size': []}}", "no list of values of the setting 'size'"),
    "presets-text": ("presets = {'quick': {'size': 'ab'}}", "no list of values of the setting 'size'"),
    "presets-below": ("presets = {'quick': {'size': [0]}}", "size must be at least 1"),
    "presets-nan": ("presets = {'quick': {'size': [float('nan')]}}", "size must be a whole number"),
    "presets-object": ("presets = {'quick': {'size': [object()]}}", "size must be a whole number"),
    "apart": ("apart = 'quick'", "its apart are a tuple"),
    "peers": ("peers = {'quick': 'torch'}", "names of backends in a list"),
    "compared": ("compared = ('size',)", "one of its compared is no"),
    "benchmark": ("benchmark = 'size'", "its benchmark is a"),
    "other-name": ("name = 'another'", "its name is 'another'"),
    "name-none": ("name = None", "its name is None"),
    "abstract": ("measure = Experiment.measure", "does not define measure"),
    "trials-none": ("def trials(self, grid):\n    return None", "TypeError"),
    "trials-texts": ("def trials(self, grid):\n    yield 'size=1'", "a trial's settings are a dict"),
    "trials-strange": ("def trials(self, grid):\n    yield {'width': 1}", "what is no setting: 'width'"),
    "trials-object": ("def trials(self, grid):\n    yield {'size': object()}", "a trial's 'size' is a str"),
    "trials-array": ("def trials(self, grid):\n    yield {'size': np.arange(3)}", "a trial's 'size' is a str"),
    "trials-endless": (
        "def trials(self, grid):\n    while True:\n        yield {'size': 1}",
        "more trials than its settings",
    ),
    "trials-midway": ("def trials(self, grid):\n    yield {'size': 1}\n    sys.exit(0)", "SystemExit: 0"),
    "grid-none": ("def grid(self, preset, changes):\n    return None", "AttributeError"),
    "grid-other": ("def grid(self, preset, changes):\n    return {'width': [1]}", "other settings than it has"),
    "grid-unhashable": ("def grid(self, preset, changes):\n    return {'size': [[1]]}", "unhashable"),
    "backends-none": ("def backends(self, names):\n    return None", "TypeError"),
    "backends-other": ("def backends(self, names):\n    return ['no-such']", "asks for the backend 'no-such'"),
    "backends-numbers": ("def backends(self, names):\n    return [1]", "asks for the backend 1"),
    "times-raises": ("def times(self, settings):\n    os._exit(0)", "SystemExit: 0"),
    "init-arguments": ("def __init__(self):\n    pass", "TypeError"),
    **{
        f"init-{deed}": (f"def __init__(self, plugins=None):\n    {body}", said) for deed, (body, said) in DEEDS.items()
    },
}

# Of modules of their own, and what one does when it is imported.
IMPORTS = {f"import-{deed}": (body, said) for deed, (body, said) in DEEDS.items() if deed != "endless-words"}

OTHERS = """
from gradsuite.cells import Cell
from gradsuite.tasks.synthetic.noise import Noise
from gradsuite.cells.rnn import RNN

class NoTask:
    name = "no-task"

class AbstractTask(Task):
    name = "abstract-task"
    summary = source = "none"

class LossTask(Noise):
    name = "loss-task"
    loss = "hinge"

class SizeTask(Noise):
    name = "size-task"
    input_size = "8"

class SilentTask(Noise):
    name = "silent-task"
    summary = None

class DyingTask(Noise):
    name = "dying-task"
    def __init__(self):
        os._exit(0)

class ScoreTask(Noise):
    name = "score-task"
    score = "accuracy"

class NoCell:
    name = "no-cell"

class AbstractCell(Cell):
    name = "abstract-cell"
    source = "none"

class StatesCell(RNN):
    name = "states-cell"
    states = ("h", "c", "d")

class SourceCell(RNN):
    name = "source-cell"
    source = 5

class ActivationsCell(RNN):
    name = "activations-cell"
    activations = "tanh"

class DyingCell(RNN):
    name = "dying-cell"
    def __init__(self):
        raise KeyboardInterrupt

@hookimpl
def register_tasks(register):
    for task in (AbstractTask, LossTask, SizeTask, SilentTask, DyingTask, ScoreTask, NoTask):
        register(task)
    register("number-task", "others_plugin:ESC")
    register("no-module-task", "no_such_module:X")

@hookimpl
def register_cells(register):
    for cell in (AbstractCell, StatesCell, SourceCell, ActivationsCell, DyingCell, NoCell):
        register(cell)

ESC = 5
"""
TASKS = {
    "no-task": "no subclass of gradsuite's Task",
    "abstract-task": "does not define batch",
    "loss-task": "its loss is one of",
    "size-task": "its input_size is a int",
    "silent-task": "its summary is a str",
    "dying-task": "SystemExit: 0",
    "score-task": "its score is a Score",
    "number-task": "what is registered is no class: 5",
    "no-module-task": "ModuleNotFoundError",
}
CELLS = {
    "no-cell": "no subclass of gradsuite's Cell",
    "abstract-cell": "does not define",
    "states-cell": "its states are one or two names",
    "source-cell": "its source is a str",
    "activations-cell": "its activations are a tuple",
    "dying-cell": "KeyboardInterrupt",
}


def source() -> str:
    """Return the plugin that registers all experiments with faults."""
    classes = [experiment(name, body) for name, (body, _) in EXPERIMENTS.items()]
    registered = [f"    register({name!r}, 'faulty_plugin:{class_name(name)}')" for name in EXPERIMENTS]
    registered += [f"    register({name!r}, '{name.replace('-', '_')}:X')" for name in IMPORTS]
    return "\n".join([HEADER, *classes, "@hookimpl", "def register_experiments(register):", *registered])


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classes")
    install_all(folder, {"faulty": source(), "others": HEADER + OTHERS})
    for name, (body, _) in IMPORTS.items():
        (folder / f"{name.replace('-', '_')}.py").write_text(HEADER + body)
    return folder


@pytest.fixture(scope="module")
def listed(faulty):
    """The listings, each made in a process of its own."""
    kinds = ("experiments", "tasks", "cells", "list")
    return {kind: gradsuite(faulty, *kind.split(), **blocked()) for kind in kinds}


@pytest.mark.parametrize("kind", ["experiments", "tasks", "cells", "list"])
def test_what_is_right_is_listed_and_nothing_reaches_the_terminal(listed, kind):
    assert listed[kind].returncode == 0
    assert is_safe(listed[kind].stdout + listed[kind].stderr)
    for name in {"experiments": ["good: Is one one?"], "tasks": ["adding"], "cells": ["lstm"]}.get(
        kind, ["adding", "lstm", "good", "echo"]
    ):
        assert name in listed[kind].stdout


NAMES = EXPERIMENTS | IMPORTS


@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_is_named_with_what_is_wrong(listed, name):
    for kind in ("experiments", "list"):
        assert NAMES[name][1] in not_available(listed[kind].stdout)[name]


@pytest.mark.parametrize(("kind", "names"), [("tasks", TASKS), ("cells", CELLS)])
def test_a_task_or_cell_is_named_with_what_is_wrong(listed, kind, names):
    lost = not_available(listed[kind].stdout)
    own = {name for name in lost if name in names or "not installed" not in lost[name]}  # data packages are optional
    assert own == names.keys()
    assert [name for name, said in names.items() if said not in lost[name]] == []


def test_a_run_of_everything_measures_what_is_right(faulty):
    done = gradsuite(faulty, "run", "--preset", "quick", "--backend", "echo", **blocked())
    assert done.returncode == 0, done.stderr
    assert "1 of 1 trials to measure, on echo" in done.stderr
    lost = not_available(done.stderr)
    assert lost.keys() == NAMES.keys()
    assert [name for name, (_, said) in NAMES.items() if said not in lost[name]] == []
    assert is_safe(done.stdout + done.stderr)


def test_each_is_refused_in_one_line_when_it_is_named(faulty, monkeypatch):
    monkeypatch.syspath_prepend(faulty)
    monkeypatch.setenv("GRADSUITE_DISABLE_PLUGINS", blocked()["GRADSUITE_DISABLE_PLUGINS"])
    plugins = load()
    for name in NAMES:
        with pytest.raises(UserError) as refused:
            study(plugins, [name], "quick", {}).backends(["echo"])
        assert "\n" not in str(refused.value)
        assert len(str(refused.value)) < 340


LEAVING = """
from gradsuite.tasks.synthetic.adding import Adding
class Leaving(Adding):
    name = "leaving"
    def check_length(self, length):
        sys.exit(0)
@hookimpl
def register_tasks(register):
    register(Leaving)
"""


def test_a_task_that_leaves_when_it_is_asked_for_a_length_is_not_available(tmp_path):
    install_all(tmp_path, {"leaving": HEADER + LEAVING})
    done = gradsuite(tmp_path, "train", "--task", "leaving", "--backend", "echo", **blocked())
    assert (done.returncode, done.stdout) == (2, "")
    assert "not available: leaving: SystemExit: 0" in done.stderr
