"""A plugin that clashes with another, blocked by the user: no part of a run may load it all the same."""

import pytest

from tests.throwaway import gradsuite, install

# Its task has the name of a built-in one; so has its experiment.
CLASH = """
from gradsuite import hookimpl

@hookimpl
def register_tasks(register):
    register("noise", "clash_plugin:Noise")

@hookimpl
def register_experiments(register):
    register("latch", "clash_plugin:Latch")
"""
# Four experiments: from so many on a report is drawn in several processes.
EXPERIMENTS = ("gradient-time", "exact-depth", "latch", "gates")
SMALL = (
    "--preset",
    "quick",
    "--backend",
    "numpy",
    "--set",
    "task=noise",
    "--set",
    "hidden_size=16",
    "--set",
    "seeds=20",
)


@pytest.fixture
def folder(tmp_path):
    install(tmp_path, "clash", CLASH)
    return tmp_path


def test_a_clash_disables_the_newcomer_and_is_named_with_both_plugins(folder):
    done = gradsuite(folder, "run", "latch", "--preset", "quick", "--backend", "numpy")
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("not available: clash: "))
    assert "'latch', which the plugin 'experiments' has already" in line
    assert "--no-plugin" in line


def test_a_blocked_clash_breaks_no_part_of_a_run_nor_its_report(folder):
    done = gradsuite(folder, "run", *EXPERIMENTS, *SMALL, "--no-plugin", "clash", "--out", "results")
    assert done.returncode == 0, done.stderr
    run = folder / done.stdout.splitlines()[-1]
    assert "0 error" not in done.stderr
    assert " error" not in done.stderr
    text = (run / "report.html").read_text(encoding="utf-8")
    assert "cannot be loaded here" not in text
    assert "could not be made" not in text
    for experiment in EXPERIMENTS:
        assert f'<section id="{experiment}">' in text
        assert list((run / "figures").glob(f"{experiment}*.png"))

    again = gradsuite(folder, "report", str(run))  # what the run blocked is blocked again
    assert again.returncode == 0, again.stderr
    assert "could not be made" not in (run / "report.html").read_text(encoding="utf-8")
