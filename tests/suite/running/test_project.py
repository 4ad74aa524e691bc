"""`[tool.gradsuite]` of pyproject.toml: found from below, with the keys of a study file, and refused in one line."""

from pathlib import Path

import pytest
from gradsuite.errors import UserError
from gradsuite.running.configuration import read_options
from gradsuite.running.project import project_options

FLAGS = {"experiment": (), "backend": (), "preset": None, "set": (), "resume": None, "timeout": None}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(text):
    Path("pyproject.toml").write_text(text)


def test_the_table_of_the_nearest_project_counts(tmp_path):
    write('[tool.gradsuite]\npreset = "quick"\nbackend = "numpy"\n[tool.gradsuite.set]\ngain = 2\n')
    below = tmp_path / "one" / "two"
    below.mkdir(parents=True)
    options, path = project_options(below)
    assert options == {"preset": "quick", "backend": ["numpy"], "set": {"gain": [2]}}
    assert Path(path) == tmp_path / "pyproject.toml"
    (below / "pyproject.toml").write_text("[project]\nname = 'another'\n")
    assert project_options(below)[0] == {}


def test_flags_and_a_study_win_and_what_a_flag_sets_is_merged():
    project = {"preset": "full", "backend": ["numpy"], "set": {"gain": [2], "size": [1]}, "timeout": 5}
    Path("study.toml").write_text('backend = "jax"')
    flags = {**FLAGS, "experiment": ("study.toml",), "preset": "quick", "set": ("gain=3",)}
    assert read_options(flags, project) == {
        "preset": "quick", "backend": ["jax"], "timeout": 5, "set": {"gain": ["3"], "size": [1]},
    }  # fmt: skip


def test_a_run_that_is_resumed_stays_as_it_was_asked_for():
    project = {"preset": "full", "set": {"gain": [2]}, "timeout": 5}
    assert read_options({**FLAGS, "resume": "results/x"}, project) == {"resume": "results/x", "timeout": 5}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[tool.gradsuite]\nprest = 1",
            r"unknown key in \[tool.gradsuite\] of 'pyproject.toml' 'prest'; .* 'preset'\?",
        ),
        ("[tool.gradsuite]\npreset = 1", r"preset in \[tool.gradsuite\] of 'pyproject.toml' must be a text, not 1"),
        ("[tool]\ngradsuite = 1", r"\[tool.gradsuite\] of 'pyproject.toml' must be a table, not 1"),
        ("[tool", "'pyproject.toml' is not TOML"),
    ],
)
def test_a_fault_in_it_is_one_line(text, message):
    write(text)
    with pytest.raises(UserError, match=message):
        project_options(Path())
    write("tool = 1")
    assert project_options(Path()) == ({}, "pyproject.toml")
