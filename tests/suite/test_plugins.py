import os
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from gradsuite.cells import installed
from gradsuite.errors import UserError
from gradsuite.hookspecs import hookimpl
from gradsuite.hosting.points import blocking, disabled
from gradsuite.plugins import Plugins, load
from gradsuite.tasks.synthetic.noise import Noise


class Mine:
    name = "mine"


class Data(Noise):
    name = "data"


class Plugin:
    """Registers a backend by its class and one by its place, an experiment and a task."""

    @hookimpl
    def register_backends(self, register):
        register(Mine)
        register("lazy", "json:JSONDecoder")
        register("gone", "no_such_framework.backend:Gone", requires=["no_such_framework"], install="pip install gone")
        register("part", "json:JSONDecoder", requires=["no_such_framework.part", "json"])

    @hookimpl
    def register_experiments(self, register):
        register("question", "json:no_such_class")

    @hookimpl
    def register_tasks(self, register):
        register(Data)


def entry_points(**modules):
    """Return what importlib.metadata.entry_points would find: plugin names and where they are."""
    points = [EntryPoint(name, module, "gradsuite") for name, module in modules.items()]
    return lambda group: [point for point in points if point.group == group]


def test_what_a_plugin_registers_is_found_by_kind_and_name():
    plugins = Plugins({"one": Plugin()})
    assert set(plugins.backends) == {"mine", "lazy", "gone", "part"}
    assert set(plugins.experiments) == {"question"}
    assert set(plugins.tasks) == {"data"}
    assert plugins.find("backend", "mine").plugin == "one"
    assert plugins.get("backend", "mine") is Mine
    assert plugins.get("backend", "lazy").__name__ == "JSONDecoder"
    assert plugins.broken == []


def test_a_backend_has_a_second_name():
    plugins = Plugins({"p": Plugin()})
    assert plugins.find("backend", "mine@2") is plugins.find("backend", "mine")
    with pytest.raises(UserError, match=r"unknown backend 'mime'; did you mean 'mine'\?"):
        plugins.find("backend", "mime@2")


def test_a_missing_framework_is_named_without_importing_anything():
    plugins = Plugins({"one": Plugin()})
    assert plugins.find("backend", "gone").missing() == "no_such_framework not installed"
    assert plugins.find("backend", "part").missing() == "no_such_framework.part not installed"
    assert plugins.find("backend", "lazy").missing() is None
    with pytest.raises(UserError, match=r"not available: gone: .* not installed; to install it: pip install gone"):
        plugins.get("backend", "gone")


class Commands:
    """Registers one command as it is told."""

    def __init__(self, kind="backend", **registered):
        self.kind, self.registered = kind, registered

    @hookimpl
    def register_backends(self, register):
        if self.kind == "backend":
            register("ours", **self.registered)

    @hookimpl
    def register_tasks(self, register):
        if self.kind == "task":
            register("ours", **self.registered)


def test_a_backend_may_be_a_command():
    plugins = Plugins({"one": Commands(command=[Path(sys.executable), "-u"])})
    assert plugins.find("backend", "ours").target == (sys.executable, "-u")
    assert plugins.find("backend", "ours").missing() is None
    assert plugins.get("backend", "ours").name == "ours"
    assert plugins.get("backend", "ours@2").command == (sys.executable, "-u")


@pytest.mark.parametrize("command", ["no-such-command", "/nowhere/mine"])
def test_a_command_that_is_not_there_is_not_available(command):
    plugins = Plugins({"one": Commands(command=[command], install="make mine")})
    with pytest.raises(
        UserError, match=f"not available: ours: command '{command}' not found; to install it: make mine"
    ):
        plugins.get("backend", "ours")


@pytest.mark.parametrize(
    ("registered", "reason"),
    [
        ({}, r"register('ours') needs a class or 'package.module:Class' or command=[...], one of them"),
        ({"target": "a:B", "command": ["mine"]}, "or command=[...], one of them"),
        ({"command": "mine --fast"}, "register('ours', command=...) needs a list"),
        ({"command": []}, "register('ours', command=...) needs a list"),
        ({"command": ["./mine"]}, "the command './mine' is a relative path; type Path(__file__).with_name('mine')"),
        ({"command": [Path("bin/mine")]}, "the command 'bin/mine' is a relative path"),
        ({"command": ["mine"], "kind": "task"}, "register('ours') needs a class or 'package.module:Class'"),
    ],
)
def test_a_command_that_makes_no_sense_costs_its_plugin_alone(registered, reason):
    plugins = Plugins({"one": Plugin(), "two": Commands(**registered)})
    assert plugins.find("backend", "mine").plugin == "one"
    assert "ours" not in plugins.backends
    assert [broken.name for broken in plugins.broken] == ["two"]
    assert reason in plugins.broken[0].reason


def test_a_class_that_cannot_be_imported_is_broken_alone():
    plugins = Plugins({"one": Plugin()})
    with pytest.raises(UserError, match="not available: question: AttributeError"):
        plugins.get("experiment", "question")
    assert plugins.get_all("experiment") == []
    assert [lost.name for lost in plugins.broken] == ["question"]
    assert plugins.get_all("task") == [Data]


def test_an_unknown_name_gets_the_nearest_one():
    plugins = Plugins({"one": Plugin()})
    with pytest.raises(UserError, match=r"unknown backend 'lasy'; did you mean 'lazy'\? \(allowed: gone, lazy"):
        plugins.find("backend", "lasy")


def test_plugins_come_and_go():
    plugins = Plugins()
    plugins.add("one", Plugin())
    plugins.remove("one")
    assert plugins.backends == plugins.experiments == plugins.tasks == {}
    plugins.add("one", Plugin())
    assert "mine" in plugins.backends


def test_a_name_that_another_plugin_has_disables_the_newcomer():
    plugins = Plugins({"one": Plugin(), "two": Plugin()})
    (lost,) = plugins.broken
    assert lost.name == "two"
    assert "the backend 'mine', which the plugin 'one' has already" in lost.reason
    assert "--no-plugin" in lost.reason
    assert {entry.plugin for entry in plugins.backends.values()} == {"one"}


def test_a_misspelled_hook_breaks_its_plugin_alone():
    class Misspelled(Plugin):
        @hookimpl
        def register_backend(self, register):
            register(Mine)

    plugins = Plugins({"bad": Misspelled()})
    assert plugins.backends == {}
    assert "register_backend" in plugins.broken[0].reason
    plugins.add("good", Plugin())
    assert "mine" in plugins.backends
    with pytest.raises(UserError, match="not available: bad: "):
        plugins.find("backend", "bad")


@pytest.mark.parametrize("entry", [("nameless",), (object(),), ("x", "json:X", "more")])
def test_a_registration_that_makes_no_sense_breaks_its_plugin_and_leaves_nothing(entry):
    class Senseless:
        @hookimpl
        def register_backends(self, register):
            register("fine", Mine)
            register(*entry)

    plugins = Plugins({"bad": Senseless()})
    assert plugins.backends == {}
    assert [lost.name for lost in plugins.broken] == ["bad"]


def test_a_broken_import_names_the_plugin_and_spares_the_others(tmp_path, monkeypatch):
    (tmp_path / "breaks.py").write_text("raise RuntimeError('a\\nbad day')")
    (tmp_path / "works.py").write_text(
        "from gradsuite import hookimpl\n"
        "@hookimpl\ndef register_tasks(register):\n    register('data', 'json:JSONDecoder')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "leaves.py").write_text("import sys; sys.exit(0)")  # else every command would succeed, doing nothing
    plugins = load(discover=entry_points(breaks="breaks", works="works", absent="no_such_module", leaves="leaves"))
    assert set(plugins.tasks) == {"data"}
    reasons = {lost.name: lost.reason for lost in plugins.broken}
    assert reasons["breaks"] == "RuntimeError: a bad day"
    assert reasons["absent"].startswith("ModuleNotFoundError")
    assert reasons["leaves"] == "SystemExit: 0"


def test_a_plugin_can_be_blocked(monkeypatch):
    found = entry_points(tasks="gradsuite.tasks", other="gradsuite_numpy")
    assert load(discover=found).tasks
    blocked = load(["tasks"], found)
    assert not blocked.tasks
    with pytest.raises(UserError, match="with these plugins blocked: tasks"):
        blocked.find("task", "adding")
    monkeypatch.setenv("GRADSUITE_DISABLE_PLUGINS", " tasks, other ,")
    assert disabled(["more"]) == {"tasks", "other", "more"}
    assert load(discover=found).registrations == {"backend": {}, "cell": {}, "experiment": {}, "task": {}}


def test_blocking_what_is_no_plugin_is_an_error(monkeypatch):
    found = entry_points(tasks="gradsuite.tasks")
    with pytest.raises(UserError, match="unknown plugin 'task'; did you mean 'tasks'"):
        load(["task"], found)
    monkeypatch.setenv("GRADSUITE_DISABLE_PLUGINS", "taks")
    with pytest.raises(UserError, match="unknown plugin 'taks'"):
        load(discover=found)


def test_the_built_in_plugins_load_through_entry_points_and_import_no_framework(probe):
    plugins = load()
    assert {"numpy", "torch", "jax", "echo"} <= set(plugins.backends)
    assert plugins.find("backend", "numpy").plugin == "numpy"


@pytest.mark.parametrize("name", ["../escaped", "a/b", "<script>", "with space", "", "x" * 81, "line\nbreak", "\ud800"])
def test_an_experiment_is_called_as_a_file_may_be(name):
    class Hostile:
        @hookimpl
        def register_experiments(self, register):
            register(name, "nowhere:Nothing")

    plugins = Plugins({"hostile": Hostile()})
    assert plugins.experiments == {}
    assert "an experiment's name is of small letters" in str(plugins.broken[0])


def test_plugins_are_blocked_for_a_while(monkeypatch):
    monkeypatch.setenv("GRADSUITE_DISABLE_PLUGINS", "mlflow")
    with blocking(["cells", "jax"]):
        assert disabled() == {"cells", "jax", "mlflow"}
        assert "lru" not in installed()
    assert disabled() == {"mlflow"}
    assert "lru" in installed()
    monkeypatch.delenv("GRADSUITE_DISABLE_PLUGINS")
    with blocking(["jax"]):
        assert disabled() == {"jax"}
    assert "GRADSUITE_DISABLE_PLUGINS" not in os.environ
