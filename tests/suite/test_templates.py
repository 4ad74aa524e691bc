"""The packages that are written for plugin authors; tests/kit installs and runs them."""

import ast
import re
import sys
import tomllib
from importlib import import_module

import pytest
import yaml
from click.testing import CliRunner
from gradsuite.commands.new_backend import new_backend
from gradsuite.commands.new_cell import new_cell
from gradsuite.commands.new_experiment import new_experiment
from gradsuite.conformance import CHECKS, Subject, run
from gradsuite.errors import UserError
from gradsuite.plugins import Plugins, hookspecs
from gradsuite.templates import render, write_package

KINDS = ("backend", "cell", "experiment")
FORMS = {kind: (kind, False) for kind in KINDS} | {"autodiff backend": ("backend", True)}
OPEN = re.compile(r"(?<!\$)\{\{|\{%")  # GitHub's own ${{ ... }} is meant to stay


@pytest.fixture
def plugins():
    class Taken:
        @hookspecs.hookimpl
        def register_backends(self, register):
            register("numpy", "somewhere:Backend")

        @hookspecs.hookimpl
        def register_cells(self, register):
            register("lru", "somewhere:Cell")

        @hookspecs.hookimpl
        def register_experiments(self, register):
            register("gradient-time", "somewhere:Experiment")

    found = Plugins({"peers": Taken()})
    found.fail("lost", "ImportError: no such thing")
    return found


@pytest.mark.parametrize("form", FORMS)
def test_every_file_is_written_and_names_the_new_thing(form, plugins, tmp_path):
    kind, autodiff = FORMS[form]
    folder = write_package(kind, "two-words", tmp_path, plugins, autodiff=autodiff)
    assert folder == tmp_path / "two-words"
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"pyproject.toml", "README.md", "src/gradsuite_two_words/__init__.py"} <= written
    assert "tests/test_gradsuite_two_words.py" in written
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["entry-points"]["gradsuite"] == {"two-words": "gradsuite_two_words"}
    assert '"two-words",' in (folder / "src/gradsuite_two_words/__init__.py").read_text("utf-8")


@pytest.mark.parametrize("form", FORMS)
def test_every_file_is_sound(form):
    kind, autodiff = FORMS[form]
    for path, text in render(kind, "two-words", autodiff=autodiff):
        assert not OPEN.search(text)
        assert "package" not in path.as_posix()
        assert text.endswith("\n")
        if path.suffix == ".py":
            assert max(map(len, text.splitlines())) <= 120
            assert ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("My Backend", "lower-case words joined by dashes, such as .*, not 'My Backend'; did you mean 'my-backend'?"),
        ("my_backend", "did you mean 'my-backend'?"),
        ("3d", "not '3d'; did you mean 'd'?"),
        ("", "not ''$"),
        ("../up", "did you mean 'up'?"),
        ("a--b", "did you mean 'a-b'?"),
        ("lost", "plugin 'lost' is installed already: choose another name"),
        ("peers", "plugin 'peers' is installed already: choose another name"),
    ],
)
def test_a_name_that_cannot_be_is_refused_in_one_line(kind, name, message, plugins, tmp_path):
    with pytest.raises(UserError, match=message) as caught:
        write_package(kind, name, tmp_path, plugins)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("kind", "name"), [("backend", "numpy"), ("cell", "lru"), ("experiment", "gradient-time")])
def test_a_name_that_is_taken_is_refused(kind, name, plugins, tmp_path):
    with pytest.raises(UserError, match=f"{kind} '{name}' is registered already: choose another name"):
        write_package(kind, name, tmp_path, plugins)


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_that_exists_is_left_alone(kind, plugins, tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(UserError, match="exists already: choose another name, or another folder with --out"):
        write_package(kind, "mine", tmp_path, plugins)
    assert list((tmp_path / "mine").iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_that_cannot_be_made_is_named(kind, plugins, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write '.*file/mine': Not a directory"):
        write_package(kind, "mine", tmp_path / "file", plugins)


@pytest.mark.parametrize("autodiff", [False, True])
def test_the_workflow_checks_a_backend_on_every_python(autodiff):
    (text,) = [text for path, text in render("backend", "two-words", autodiff=autodiff) if path.suffix == ".yml"]
    workflow = yaml.safe_load(text)
    assert workflow[True].keys() == {"push", "pull_request"}  # YAML 1.1 reads the key `on` as true
    (job,) = workflow["jobs"].values()
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    uses = [step for step in job["steps"] if "uses" in step]
    assert [step["uses"].partition("@")[0] for step in uses] == ["actions/checkout", "actions/setup-python"]
    assert uses[1]["with"]["python-version"] == "${{ matrix.python }}"
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands == ["python -m pip install .", "gradsuite check two-words", "pytest"]


@pytest.mark.parametrize("name", ["gradients-mlp-relu", "gradients-lstm", "gradients-gru", "large-logits", "overflow"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_autodiff_backend_is_right_at_once(dtype, name, plugins, tmp_path, monkeypatch):
    """The rest of the checks, in a package that is installed, are run by tests/kit."""
    pytest.importorskip("autograd")
    (check,) = [check for check in CHECKS if check.name == name]
    monkeypatch.syspath_prepend(write_package("backend", "fresh", tmp_path, plugins, autodiff=True) / "src")
    try:
        backend = import_module("gradsuite_fresh.backend").FreshBackend()
        result = run(check, Subject(backend, "cpu", dtype))
    finally:
        for module in [module for module in sys.modules if module.partition(".")[0] == "gradsuite_fresh"]:
            del sys.modules[module]
    assert result.verdict == "passed", str(result)


@pytest.mark.parametrize(
    ("arguments", "cells"),
    [([], "one cell, rnn"), (["--autodiff"], "all cells, differentiated by autograd")],
)
def test_the_command_says_what_it_wrote(arguments, cells, tmp_path):
    arguments = ["my-own", "--out", str(tmp_path), *arguments]
    done = CliRunner().invoke(new_backend, arguments, catch_exceptions=False)
    assert done.output.startswith(f"wrote a backend for {cells}, to {tmp_path / 'my-own'}; to install and check it:")


@pytest.mark.parametrize("command", [new_backend, new_cell, new_experiment])
def test_the_command_says_what_to_type_next(command, tmp_path):
    folder = tmp_path / "a folder"
    done = CliRunner().invoke(command, ["my-own", "--out", str(folder)], catch_exceptions=False)
    assert done.exit_code == 0
    assert f"cd '{folder / 'my-own'}' && python -m pip install -e . && " in done.output
    assert (folder / "my-own" / "pyproject.toml").exists()
