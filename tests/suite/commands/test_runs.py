"""`gradsuite runs`, `gradsuite run --name`, and `latest` as a run."""

import json

import pytest
from gradsuite.runs.store import Run

HOSTILE = "<b>\x1b[31m\n\udce9" + "x" * 150


def test_a_run_with_a_name_is_the_latest_and_is_listed(type_in):
    status, output, _ = type_in("run", "probe", "--backend", "echo", "--preset", "quick", "--name", "mine")
    assert (status, output.splitlines()[-1]) == (0, "results/mine")
    (told,) = json.loads(type_in("runs", "--json")[1])
    assert (told["name"], told["latest"], told["finished"], told["failed"]) == ("mine", True, True, 0)
    header, line = type_in("runs")[1].splitlines()
    assert header.split()[:2] == ["run", "started"]
    assert line.startswith("*  mine  2")
    for run in ("latest", "results/latest", "mine"):
        assert type_in("export", run, "--format", "csv")[1].count("\n") > 1
    status, _, error = type_in("run", "probe", "--backend", "echo", "--name", "mine")
    taken = "gradsuite: 'results/mine' is there already: choose another --name, or type --resume results/mine\n"
    assert (status, error.splitlines(keepends=True)[-1]) == (2, taken)
    assert type_in("run", "--resume", "latest")[:2] == (0, type_in("run", "--resume", "mine")[1])


def test_a_name_that_is_no_slug_is_refused_before_anything_is_made(type_in, probe):
    status, output, error = type_in("run", "probe", "--name", "../mine")
    assert (status, output, error.count("\n")) == (2, "", 1)
    assert not (probe / "results").exists()


def test_a_run_that_is_gone_on_with_keeps_its_name(type_in, run):
    status, _, error = type_in("run", "--resume", run, "--name", "other")
    assert (status, "name cannot be changed" in error) == (2, True)


@pytest.fixture
def hostile(tmp_path):
    Run.create(
        tmp_path / "results" / HOSTILE, {"preset": "\x1b]0;title\x07", "machine": {"cpu": "\x1b[2J", "cores": 1}}
    )
    return tmp_path


def test_hostile_names_are_text(hostile, type_line):
    status, output, _ = type_line("runs")
    assert status == 0
    assert len(output.splitlines()) == 2
    assert output.replace("\n", "").isprintable()
    assert r"<b>\x1b[31m\n\udce9" in output
    assert json.loads(type_line("runs --json")[1])[0]["name"] == HOSTILE


def test_an_empty_folder_says_what_to_type(type_line, tmp_path):
    assert type_line("runs .") == (0, "no run here yet: type gradsuite run\n", "")
    assert type_line("runs")[::2] == (
        2,
        "gradsuite: no folder 'results': type one that runs were made in, such as results\n",
    )
