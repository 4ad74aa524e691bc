"""The packages that are written for plugin authors; tests/kit installs and runs them."""

import ast
import tomllib

import pytest
from click.testing import CliRunner
from gradsuite.commands.new_backend import new_backend
from gradsuite.commands.new_experiment import new_experiment
from gradsuite.errors import UserError
from gradsuite.plugins import Plugins, hookspecs
from gradsuite.templates import render, write_package

KINDS = ("backend", "experiment")


@pytest.fixture
def plugins():
    class Taken:
        @hookspecs.hookimpl
        def register_backends(self, register):
            register("numpy", "somewhere:Backend")

        @hookspecs.hookimpl
        def register_experiments(self, register):
            register("gradient-time", "somewhere:Experiment")

    found = Plugins({"peers": Taken()})
    found.fail("lost", ImportError("no such thing"))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_is_written_and_names_the_new_thing(kind, plugins, tmp_path):
    folder = write_package(kind, "two-words", tmp_path, plugins)
    assert folder == tmp_path / "two-words"
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"pyproject.toml", "README.md", "src/gradsuite_two_words/__init__.py"} <= written
    assert "tests/test_gradsuite_two_words.py" in written
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["entry-points"]["gradsuite"] == {"two-words": "gradsuite_two_words"}
    assert '"two-words",' in (folder / "src/gradsuite_two_words/__init__.py").read_text("utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_is_sound(kind):
    for path, text in render(kind, "two-words"):
        assert "{{" not in text
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


@pytest.mark.parametrize(("kind", "name"), [("backend", "numpy"), ("experiment", "gradient-time")])
def test_a_name_that_is_taken_is_refused(kind, name, plugins, tmp_path):
    with pytest.raises(UserError, match=f"{kind} '{name}' is registered already: choose another name"):
        write_package(kind, name, tmp_path, plugins)


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_that_exists_is_left_alone(kind, plugins, tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(UserError, match="exists already: choose another name, or another folder with --into"):
        write_package(kind, "mine", tmp_path, plugins)
    assert list((tmp_path / "mine").iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_that_cannot_be_made_is_named(kind, plugins, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write '.*file/mine': Not a directory"):
        write_package(kind, "mine", tmp_path / "file", plugins)


@pytest.mark.parametrize("command", [new_backend, new_experiment])
def test_the_command_says_what_to_type_next(command, tmp_path):
    folder = tmp_path / "a folder"
    done = CliRunner().invoke(command, ["my-own", "--into", str(folder)], catch_exceptions=False)
    assert done.exit_code == 0
    assert f"cd '{folder / 'my-own'}' && python -m pip install -e . && " in done.output
    assert (folder / "my-own" / "pyproject.toml").exists()
