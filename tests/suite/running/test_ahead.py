"""Sections of a report that are made while other trials are still measured, over real processes."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from gradsuite.experiment import Trial
from gradsuite.plugins import load
from gradsuite.running.ahead import Ahead
from gradsuite.runs.store import Run

from tests.stored import run_of
from tests.throwaway import HEEDING, environment, gradsuite, install

# `late` ends on `delta` only once a figure of `early` has been begun, which it is while `late` is measured.
PLUGIN = """
import os, signal, time
from pathlib import Path
from gradsuite import Experiment, Figure, Measurement, hookimpl
from gradsuite.errors import UserError

class Early(Experiment):
    name, question, timed = "early", "Is it drawn ahead?", False
    settings, presets = (), {"quick": {}}

    def measure(self, backend, device, settings):
        yield [Measurement("number", 1.0)]

    def figures(self, rows, claims):
        from gradsuite.report import style
        canvas, panels = style.figure()
        panels[0, 0].plot([1.0, 2.0])
        style.title(canvas, "It")
        with Path("figures-begun").open("a") as file:
            file.write("once\\n")
        DEED
        yield Figure("it", "It.", canvas)

class Late(Early):
    name = "late"

    def measure(self, backend, device, settings):
        deadline = time.monotonic() + 60
        while backend.name == "delta" and not Path("figures-begun").exists():
            if time.monotonic() > deadline:
                raise UserError("nothing was drawn meanwhile")
            time.sleep(0.02)
        if os.environ.get("STAY") == backend.name:
            time.sleep(3600)
        yield [Measurement("number", 2.0)]

    def figures(self, rows, claims):
        return ()

@hookimpl
def register_experiments(register):
    register(Early)
    register(Late)
"""
RUN = ("run", "early", "late", "--backend", "echo,delta", "--preset", "quick", "--threads", "2")


@pytest.fixture
def folder(probe):
    """A folder for a run whose figure of `early` does this deed before it is yielded."""

    def made(deed):
        install(probe, "ahead", PLUGIN.replace("DEED", deed))
        return probe

    return made


def test_a_section_is_made_once_while_others_are_measured_and_is_in_the_report(folder):
    here = folder("pass")
    done = gradsuite(here, *RUN)
    assert done.returncode == 0, done.stderr
    run = Run.open(here / done.stdout.splitlines()[-1])
    assert run.trials()["status"].tolist() == ["ok"] * 4
    assert (here / "figures-begun").read_text() == "once\n"
    page = (run.path / "report.html").read_text()
    assert page.count('<h4 id="figure:early-it"') == 1
    again = gradsuite(here, "report", str(run.path))
    assert again.returncode == 0, again.stderr
    assert (run.path / "report.html").read_text() == page  # as if nothing had been made ahead


def test_a_figure_that_ends_its_process_costs_itself_alone(folder):
    here = folder("os.kill(os.getpid(), signal.SIGKILL)")
    done = gradsuite(here, *RUN)
    assert done.returncode == 0, done.stderr
    assert "early: Its figures could not be made: its process was ended by SIGKILL" in done.stderr
    run = Run.open(here / done.stdout.splitlines()[-1])
    assert run.trials()["status"].tolist() == ["ok"] * 4
    assert (here / "figures-begun").read_text() == "once\n"
    assert "Its figures could not be made" in (run.path / "report.html").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_of_a_run_that_is_stopped_meanwhile(folder, number):
    here = folder("time.sleep(3600)")
    command = [sys.executable, "-c", HEEDING, *RUN]
    with subprocess.Popen(
        command,
        cwd=here,
        env=environment(here, STAY="delta"),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as host:
        try:
            deadline = time.monotonic() + 60
            while not (here / "figures-begun").exists() and time.monotonic() < deadline and host.poll() is None:
                time.sleep(0.05)
            assert (here / "figures-begun").exists()
            family = psutil.Process(host.pid).children(recursive=True)
            os.kill(host.pid, number)
            errors = host.communicate(timeout=60)[1]
        finally:
            host.kill()
    assert psutil.wait_procs(family, timeout=60)[1] == []
    assert "Traceback" not in errors
    if number != signal.SIGKILL:
        assert "gradsuite run --resume" in errors


class Noting:
    """Processes that make nothing, and note what they were to make."""

    def __init__(self):
        self.experiments = []

    def sections(self, pieces):
        self.experiments += [piece.experiment for piece in pieces]
        raise RuntimeError("and cannot")


def test_an_experiment_is_ready_once_its_last_trial_is_stored(tmp_path):
    run, processes = run_of(tmp_path, []), Noting()
    there, one, other = (Trial(name, "numpy", "cpu", {"size": size}) for name, size in (("a", 1), ("b", 1), ("b", 2)))
    ahead = Ahead(run, load(), processes, [[there], [one], [other]], [[one], [other]])
    assert ahead.step()  # of a resumed run: all of `a` was there; that it cannot be made costs nothing here
    assert not ahead.step()
    ahead.stored(one)
    assert not ahead.step()
    ahead.stored(other)
    assert ahead.step()
    assert not ahead.step()
    assert processes.experiments == ["a", "b"]


def test_without_processes_or_with_plugins_that_they_would_not_find_nothing_is_made(tmp_path):
    trial, here = Trial("a", "numpy", "cpu", {}), load()
    here.found = False
    run, processes = run_of(tmp_path, []), Noting()
    for ahead in (Ahead(run, load(), None, [[trial]], []), Ahead(run, here, processes, [[trial]], [])):
        assert not ahead.step()
    assert processes.experiments == []
