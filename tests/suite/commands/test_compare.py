"""`gradsuite compare`: forms and exit statuses."""

import json

import numpy as np
import pytest
from gradsuite.plugins import Plugins

from tests.comparable import plugins, scaled, stored, timed


@pytest.fixture(autouse=True)
def stopwatch(monkeypatch):
    known = plugins()
    monkeypatch.setattr("gradsuite.plugins.load", lambda *blocked: known)


@pytest.fixture
def runs(tmp_path):
    base = timed(np.random.default_rng(0))
    stored(tmp_path / "base", base)
    stored(tmp_path / "same", base)
    stored(tmp_path / "slow", scaled(base, ("torch", 32), "call", 1.3))
    stored(tmp_path / "empty", [])
    stored(tmp_path / "elsewhere", base, machine={"cpu": "another"})
    return tmp_path


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("base same --fail-above 5%", 0),
        ("base slow", 0),
        ("base slow --fail-above 5%", 1),
        ("base slow --fail-above 0.05", 1),
        ("base slow --fail-above 50%", 0),
        ("base same slow --fail-above 5%", 1),
        ("base same slow --fail-above 5% --format json", 1),
        ("base elsewhere", 0),
    ],
)
def test_the_exit_status_says_whether_something_is_too_slow(type_line, runs, line, status):
    code, output, errors = type_line(f"compare {line}")
    assert (code, errors) == (status, "")
    assert output


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("base gone", "unknown run 'gone'"),
        ("base empty", "nothing of 'base' and 'empty' can be compared: new has no trial of stopwatch"),
        ("base elsewhere --fail-above 5%", "--fail-above has nothing to judge"),
        ("base same --fail-above quick", "--fail-above takes a share such as 5% or 0.05, not 'quick'"),
        ("base same --fail-above -5%", "--fail-above takes a share"),
        ("base same --fail-above nan", "--fail-above takes a share"),
        ("base same --format odt", "unknown format 'odt'"),
        ("base same --out a.odt", "'a.odt' does not end like a format"),
        ("base same --out no/where.md", "cannot write 'no/where.md'"),
        ("base", "Missing argument"),
    ],
)
def test_bad_input_is_one_line_and_status_2(type_line, runs, line, said):
    code, output, errors = type_line(f"compare {line}")
    assert (code, output) == (2, "")
    assert said in errors
    assert errors.count("\n") == 1


def test_the_table_names_what_is_slower_and_nothing_else(type_line, runs):
    output = type_line("compare base slow --fail-above 5%")[1]
    assert "Of 12 workloads: 1 slower, 0 faster." in output
    assert [line.split("  ")[1] for line in output.splitlines() if "more than allowed" in line] == [
        "stopwatch call torch size=32"
    ]
    assert "Too slow is more than 5% slower: 1 ratio whose interval is above it." in output
    assert output.count("stopwatch call") == 1
    assert type_line("compare base slow --all")[1].count("stopwatch call") == 12


def test_json_has_every_ratio(type_line, runs):
    (one,) = json.loads(type_line("compare base slow --fail-above 5% --format json")[1])
    assert one["exceeded"] is True
    assert len(one["workloads"]) == 12
    (slow,) = [row for row in one["workloads"] if row["verdict"] == "slower"]
    assert (slow["backend"], slow["settings"]) == ("torch", {"size": 32, "seed": 0})
    assert slow["ratio"] == pytest.approx(1.3)


@pytest.mark.parametrize(("name", "start"), [("a.md", "## slow compared with base"), ("a.html", "<!doctype html>")])
def test_a_files_ending_is_its_format(type_line, runs, name, start):
    assert type_line(f"compare base slow --out {name}")[:2] == (0, "")
    assert (runs / name).read_text().startswith(start)


def test_runs_of_an_experiment_that_is_not_installed_are_not_silent(type_line, runs, monkeypatch):
    monkeypatch.setattr("gradsuite.plugins.load", lambda *blocked: Plugins())
    code, _, errors = type_line("compare base same")
    assert code == 2
    assert "stopwatch cannot be loaded here" in errors
