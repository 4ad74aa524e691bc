"""The command line as a user types it; runs draw no report here."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import gradsuite.run
import pandas as pd
import psutil
import pytest
from gradsuite import __version__
from gradsuite.__main__ import main
from gradsuite.store import Run

from tests.throwaway import environment

ECHO = ("--backend", "echo", "--preset", "quick")


@pytest.fixture
def type_in(probe, monkeypatch, capsys):
    """Type a command line; returns exit status, standard output and standard error."""
    monkeypatch.setattr(gradsuite.run, "write_report", lambda run: run.path / "report.html")

    def type_in(*arguments):
        monkeypatch.setattr(sys, "argv", ["gradsuite", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    return type_in


@pytest.fixture
def run(type_in):
    """The path of a finished run of `probe`."""
    status, output, _ = type_in("run", "probe", *ECHO)
    assert status == 0
    return output.splitlines()[-1]


def test_the_last_line_printed_is_the_runs_path(run):
    assert Path(run).parent == Path("results")
    assert len(Run.open(run).cells()) == 2


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
    before = Run.open(run).cells()
    status, output, errors = type_in("run", "--resume", run)
    assert (status, output.splitlines()[-1]) == (0, run)
    assert "0 of 2 cells to measure" in errors
    assert Run.open(run).cells().equals(before)


def test_export_gives_tidy_rows(type_in, run):
    status, output, _ = type_in("export", run, "--format", "csv")
    assert status == 0
    assert len(output.splitlines()) == 3
    status, output, _ = type_in("export", run, "--format", "json")
    assert [row["value"] for row in json.loads(output)] == [1.0, 2.0]
    assert type_in("export", run, "--format", "csv", "--output", "rows.csv") == (0, "", "")
    assert pd.read_csv("rows.csv")["metric"].tolist() == ["size", "size"]


def test_backends_are_listed_with_what_the_missing_ones_need(type_in, monkeypatch):
    monkeypatch.setenv("GRADSUITE_DISABLE_PLUGINS", "torch,jax")
    status, output, _ = type_in("backends", "--json")
    assert status == 0
    listed = {one["name"]: one for one in json.loads(output)}
    assert listed["echo"]["available"]
    said = {"versions": {"echo": "1.0"}, "devices": ["cpu"], "dtypes": ["float64", "float32"], "cells": ["rnn"]}
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
    assert listed["probe"]["cells"] == {"quick": 2, "standard": 3}
    assert listed["probe"]["presets"]["quick"]["size"] == [1, 2]
    assert [setting["name"] for setting in listed["probe"]["settings"]] == ["behaviour", "dtype", "size", "gain"]
    _, output, _ = type_in("experiments")
    assert "probe: What becomes of a cell that does this?" in output
    assert "presets: quick (2 cells), standard (3 cells)" in output


def test_tasks_are_listed(type_in):
    _, output, _ = type_in("tasks", "--json")
    adding = next(task for task in json.loads(output) if task["name"] == "adding")
    assert (adding["input_size"], adding["output_size"], adding["loss"]) == (2, 1, "mse")
    _, output, _ = type_in("tasks")
    assert any(line.startswith("adding ") for line in output.splitlines())


def test_version_and_help(type_in):
    assert type_in("--version") == (0, f"gradsuite {__version__}\n", "")
    status, output, _ = type_in()
    assert status == 0
    for command in ("run", "report", "backends", "experiments", "tasks", "export", "completion"):
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
        ("gradsuite ru", {"run"}),
        ("gradsuite run pro", {"probe"}),
        ("gradsuite run --backend ec", {"echo"}),
        ("gradsuite run --preset q", {"quick"}),
        ("gradsuite export x --format ", {"csv", "json"}),
    ],
)
def test_names_are_completed(type_in, monkeypatch, line, expected):
    monkeypatch.setenv("_GRADSUITE_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
    _, output, _ = type_in()
    assert {completed.partition(",")[2] for completed in output.splitlines()} == expected


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("rnu", r"unknown command 'rnu'; did you mean 'run'?"),
        ("--vresion", "No such option"),
        ("run prbe", "unknown experiment 'prbe'; did you mean 'probe'? (allowed: "),
        ("run probe --backend ehco", "unknown backend 'ehco'; did you mean 'echo'? (allowed: "),
        ("run probe --backend gone", "not available: gone: no_such_framework not installed"),
        ("run probe --preset qick", "unknown preset 'qick'; did you mean 'quick'? (allowed: quick, standard)"),
        ("run probe --pre set", "No such option"),
        (
            "run probe --set gian=1",
            "unknown setting 'gian'; did you mean 'gain'? (allowed: behaviour, dtype, gain, size)",
        ),
        ("run probe --set gain", "--set takes KEY=V1,V2 (such as gain=0.5,1.5), not 'gain'"),
        ("run probe --set gain=", "setting 'gain' was given no value"),
        ("run probe --set gain=0", "gain must be more than 0, not 0"),
        ("run probe --set gain=inf", "gain must be"),
        ("run probe --set size=0", "size must be at least 1, not 0"),
        ("run probe --set size=-2", "size must be at least 1, not -2"),
        ("run probe --set size=1.5", "size must be a whole number, not '1.5'"),
        ("run probe --set dtype=float46", "unknown dtype 'float46'; did you mean 'float64'?"),
        ("run gradient-time --set task=addin", "unknown task 'addin'; did you mean 'adding'?"),
        ("run probe --device gpu", "unknown device 'gpu'; did you mean 'cpu'? (allowed: cpu, cuda)"),
        ("run probe --backend echo --device cuda", "no backend has the device 'cuda' (echo has cpu)"),
        ("run probe --threads 0", "threads must be at least 1, not 0"),
        ("run probe --threads two", "Invalid value for '--threads'"),
        ("run probe --timeout -1", "timeout must be more than 0 seconds, not -1"),
        ("run probe --no-plugin jaxx", "unknown plugin 'jaxx'; did you mean 'jax'?"),
        ("run probe --no-plugin jax --backend jax", "with these plugins blocked: jax"),
        ("run probe --executor dsk", "unknown executor 'dsk'; did you mean 'dask'?"),
        ("run probe --executor dask", "--executor dask and --scheduler ADDRESS go together"),
        ("run probe --out file/x", "cannot write into 'file/x'"),
        ("run none.toml", "cannot read 'none.toml': No such file or directory"),
        ("run typo.toml", "unknown key in 'typo.toml' 'prest'; did you mean 'preset'?"),
        ("run syntax.toml", "'syntax.toml' is not TOML"),
        ("run zero.toml", "threads must be at least 1, not 0"),
        ("run --resume nowhere", "unknown run 'nowhere'"),
        ("run --resume .", "'.' is no run"),
        ("report nowhere", "unknown run 'nowhere'"),
        ("report file", "'file' is no run"),
        ("report", "Missing argument 'RUN'"),
        ("export nowhere --format csv", "unknown run 'nowhere'"),
        ("export nowhere --format cvs", "unknown format 'cvs'; did you mean 'csv'? (allowed: csv, json)"),
        ("export nowhere", "Missing option '--format'"),
        ("completion tcsh", "unknown shell 'tcsh'"),
    ],
)
def test_bad_input_is_one_line_and_exit_status_2(type_in, line, fault):
    Path("file").write_text("")
    Path("typo.toml").write_text('prest = "quick"')
    Path("syntax.toml").write_text("preset = [")
    Path("zero.toml").write_text('experiment = "probe"\nthreads = 0')
    status, output, errors = type_in(*line.split())
    assert status == 2
    assert output == ""
    assert errors.startswith("gradsuite: ")
    assert fault in errors
    assert errors.count("\n") == 1
    assert not Path("results").exists()


def test_a_run_that_cannot_be_resumed_as_asked_says_so(type_in, run):
    status, _, errors = type_in("run", "--resume", run, "--preset", "standard")
    assert (status, errors) == (
        2,
        "gradsuite: --resume goes on with what the run was asked for: preset cannot be changed\n",
    )
    status, _, errors = type_in("report", run[:-1] + "9")
    assert status == 2
    assert f"did you mean '{run}'?" in errors


def test_a_plugin_that_is_blocked_by_the_environment_is_gone(type_in, monkeypatch):
    monkeypatch.setenv("GRADSUITE_DISABLE_PLUGINS", "probe")
    status, _, errors = type_in("run", "probe")
    assert status == 2
    assert "with these plugins blocked: probe" in errors


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
        "import sys; import gradsuite.run\n"
        "from gradsuite.plugins import load\nfrom gradsuite.plan import study\n"
        "study(load(), [], 'quick', {})\n"
        "print([name for name in ('torch', 'jax') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def begin(folder, *arguments):
    """Start a command in a process group of its own, and wait until it measures a cell that hangs."""
    command = [sys.executable, "-m", "gradsuite", "run", "probe", *ECHO, *arguments]
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
        output, errors = process.communicate(timeout=60)
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
    (run,) = (probe / "results").iterdir()
    assert len(Run.open(run).measurements()) == 2
