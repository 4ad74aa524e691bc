"""The command line as a user types it; runs draw no report here."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest
from gradsuite import __version__
from gradsuite.runs.store import Run

from tests.stored import draw_nothing
from tests.throwaway import environment

ECHO = ("--backend", "echo", "--preset", "quick")


def test_the_last_line_printed_is_the_runs_path(run):
    assert Path(run).parent == Path("results")
    assert len(Run.open(run).trials()) == 2


def test_flags_reach_the_run(type_in):
    flags = ("--set", "gain=1,2", "--set", "behaviour=three", "--out", "else/where", "--threads", "1", "--timeout", "9")
    status, output, _ = type_in("run", "probe", *ECHO, *flags, "--no-plugin", "jax", "--device", "cpu")
    assert status == 0
    path = output.splitlines()[-1]
    assert path.startswith("else/where/")
    run = Run.open(path)
    assert sorted(run.frame("probe")["gain"].unique()) == [1.0, 2.0]
    assert run.meta["machine"]["threads"] == 1
    assert run.meta["configuration"]["no-plugin"] == ["jax"]


def test_a_file_is_run_like_flags(type_in):
    Path("study.toml").write_text('experiment = "probe"\nbackend = "echo"\npreset = "quick"\n[set]\ngain = [1, 2]\n')
    status, output, _ = type_in("run", "study.toml", "--set", "size=5")
    assert status == 0
    rows = Run.open(output.splitlines()[-1]).frame("probe")
    assert rows[["gain", "size"]].to_numpy().tolist() == [[1.0, 5], [2.0, 5]]


def test_a_run_is_resumed(type_in, run):
    before = Run.open(run).trials()
    status, output, errors = type_in("run", "--resume", run)
    assert (status, output.splitlines()[-1]) == (0, run)
    assert "0 of 2 trials to measure" in errors
    assert Run.open(run).trials().equals(before)


def test_export_gives_tidy_rows(type_in, run):
    status, output, _ = type_in("export", run, "--format", "csv")
    assert status == 0
    assert len(output.splitlines()) == 3
    status, output, _ = type_in("export", run, "--format", "json")
    assert [row["value"] for row in json.loads(output)] == [1.0, 2.0]
    assert type_in("export", run, "--out", "rows.csv") == (0, "", "")
    assert pd.read_csv("rows.csv")["metric"].tolist() == ["size", "size"]
    assert type_in("export", run, "--wide", "--format", "json", "--out", "rows.txt") == (0, "", "")
    assert [row["gain"] for row in json.loads(Path("rows.txt").read_text())] == [0.5, 0.5]


def test_backends_are_listed_with_what_the_missing_ones_need(type_in, surveyed_once, monkeypatch):
    monkeypatch.setenv("GRADSUITE_DISABLE_PLUGINS", "torch,jax,peers")
    status, output, _ = type_in("backends", "--json")
    assert status == 0
    listed = {one["name"]: one for one in json.loads(output)}
    assert listed["echo"]["available"]
    assert not listed["echo"]["peer"]
    said = {"versions": {"echo": "1.0"}, "devices": ["cpu"], "dtypes": ["float64", "float32"], "cells": []}
    assert listed["echo"].items() >= said.items()
    assert listed["numpy"]["available"]
    assert listed["gone"] == {
        "name": "gone", "available": False, "reason": "no_such_framework not installed", "install": "pip install gone",
    }  # fmt: skip
    _, output, _ = type_in("backends")
    assert "not available: gone: no_such_framework not installed; to install it: pip install gone" in output
    assert any(line.split()[:3] == ["echo", "echo", "1.0"] for line in output.splitlines())


def test_experiments_are_listed_with_their_settings(type_in):
    _, output, _ = type_in("experiments", "--json")
    listed = {one["name"]: one for one in json.loads(output)}
    assert listed["probe"]["trials"] == {"quick": 2, "standard": 3}
    assert listed["probe"]["presets"]["quick"]["size"] == [1, 2]
    assert [setting["name"] for setting in listed["probe"]["settings"]] == ["behaviour", "dtype", "size", "gain"]
    _, output, _ = type_in("experiments")
    assert "probe: What becomes of a trial that does this?" in output
    assert "presets: quick (2 trials), standard (3 trials)" in output


def test_tasks_are_listed(type_in):
    _, output, _ = type_in("tasks", "--json")
    adding = next(task for task in json.loads(output) if task["name"] == "adding")
    assert (adding["input_size"], adding["output_size"], adding["loss"]) == (2, 1, "mse")
    assert (adding["score"], adding["solved"], adding["supply"]) == ("mean squared error", 0.01, "without end")
    _, output, _ = type_in("tasks")
    lines = output.splitlines()
    assert any(line.startswith("adding ") for line in lines)
    assert any(line.startswith("digits ") and "accuracy" in line and "finite" in line for line in lines)
    assert any(line.startswith("csv:FILE") and "by data" in line for line in lines)


def test_version_and_help(type_in):
    assert type_in("--version") == (0, f"gradsuite {__version__}\n", "")
    status, output, _ = type_in()
    assert status == 0
    for command in ("run", "doctor", "report", "backends", "experiments", "tasks", "export", "completion"):
        assert f"\n  {command} " in output
        assert type_in(command, "--help")[0] == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(type_in, shell):
    status, output, _ = type_in("completion", shell)
    assert status == 0
    assert "_GRADSUITE_COMPLETE" in output


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("gradsuite ru", {"run", "runs"}),
        ("gradsuite run pro", {"probe"}),
        ("gradsuite run --backend ec", {"echo"}),
        ("gradsuite run --preset q", {"quick"}),
        ("gradsuite run --backend echo,de", {"echo,delta"}),
        ("gradsuite run probe --set b", {"behaviour="}),
        ("gradsuite run probe --set behaviour=one,th", {"behaviour=one,three", "behaviour=one,threads"}),
        ("gradsuite run --no-plugin pro", {"probe"}),
        ("gradsuite run st", {"study.toml"}),
        ("gradsuite run --resume 20", {"2026-01-01-quick-1"}),
        ("gradsuite claims 20", {"2026-01-01-quick-1"}),
        ("gradsuite show ec", {"echo"}),
        ("gradsuite list ba", {"backends"}),
        ("gradsuite export x --format ", {"csv", "json", "parquet"}),
    ],
)
def test_names_are_completed(type_in, monkeypatch, line, expected):
    Path("study.toml").write_text('preset = "quick"')
    Run.create("results/2026-01-01-quick-1", {})
    monkeypatch.setenv("_GRADSUITE_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
    _, output, _ = type_in()
    assert {completed.partition(",")[2] for completed in output.splitlines()} == expected


def test_help_imports_nothing_heavy(probe):
    heavy = ("numpy", "pandas", "rich", "matplotlib", "torch", "jax", "seaborn", "sqlite3")
    script = (
        "import sys; sys.argv = ['gradsuite', '--help']\n"
        "from gradsuite.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_the_host_imports_no_framework_to_run(probe):
    script = (
        "import sys; import gradsuite.running.job\n"
        "from gradsuite.plugins import load\nfrom gradsuite.running.plan import study\n"
        "study(load(), [], 'quick', {})\n"
        "print([name for name in ('torch', 'jax') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# Whoever runs the tests in the background has Ctrl-C ignored, and so has what they start.
HEEDING = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from gradsuite.__main__ import command; command()"
)


def begin(folder, *arguments):
    """Start a command in a process group of its own, and wait until it measures a trial that hangs."""
    command = [sys.executable, "-c", HEEDING, "run", "probe", *ECHO, *arguments]
    process = subprocess.Popen(
        command, cwd=folder, env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        runs = list((folder / "results").glob("*/run.sqlite"))
        if runs and len(Run.open(runs[0].parent).statuses()) == 2:
            return process
        time.sleep(0.05)
    process.kill()
    pytest.fail(process.communicate()[1])


HANGING = ("--set", "behaviour=one,hang", "--timeout", "600")


def test_ctrl_c_leaves_a_run_that_can_be_resumed_and_says_how(probe):
    with begin(probe, *HANGING) as process:
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to the workers too
        try:
            output, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    path = output.splitlines()[-1]
    assert process.returncode == 130
    assert f"go on with: gradsuite run --resume {path}" in errors
    assert "Traceback" not in errors
    assert set(Run.open(probe / path).statuses().values()) == {"ok"}


def test_the_death_of_the_host_ends_the_workers_and_loses_nothing(probe):
    with begin(probe, *HANGING) as process:
        workers = psutil.Process(process.pid).children(recursive=True)
        assert workers
        process.kill()
        process.wait()
        gone, alive = psutil.wait_procs(workers, timeout=60)
    assert len(gone) == len(workers)
    assert alive == []
    run = probe / "results" / "latest"
    assert len(Run.open(run).measurements()) == 2


def test_a_report_without_an_experiment_that_was_run_says_so_and_is_no_success(type_in, run, monkeypatch):
    draw_nothing(monkeypatch, lambda run, sections: "report.html")
    status, output, error = type_in("report", run)
    assert (status, error) == (0, "")
    status, output, error = type_in("report", run, "--no-plugin", "probe")
    assert status == 1
    assert output.splitlines()[-1] == "report.html"
    assert error.startswith("probe: This experiment cannot be loaded here: unknown experiment 'probe'")
    assert error.endswith("with these plugins blocked: probe\n")
