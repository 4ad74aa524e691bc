"""Ctrl-C while an experiment draws, or while a plugin is imported: one line, at once, and nothing is left running."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.faults.plugins import HEADER, blocked, experiment, hook, install_all
from tests.throwaway import HEEDING, environment, gradsuite

DEADLINE = 120.0  # seconds: what it waits for sleeps for an hour
BUSY = "open(os.environ['BUSY'], 'w').close()\nif os.environ.get('SLOW'):\n    time.sleep(3600)\n"
REGISTER = "@hookimpl\ndef register_experiments(register):\n    register(Slow)\n"
DRAWING = (
    HEADER
    + experiment(
        "slow",
        f"def figures(self, rows, claims):\n    {BUSY.replace(chr(10), chr(10) + '    ')}\n    yield self.figure('x')",
    )
    + REGISTER
)
BACKEND = hook("register_backends", "register", "register('slow', 'slow_backend:Slow')")


@contextmanager
def started(folder, *arguments):
    """Start a command in a process group of its own, and wait until it is busy; in the end nothing of it is left."""
    marker = folder / "busy"
    marker.unlink(missing_ok=True)
    known = environment(folder, BUSY=str(marker), SLOW="1", **blocked())
    command = [sys.executable, "-c", HEEDING, *arguments]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=known,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            until = time.monotonic() + DEADLINE
            while not marker.exists() and time.monotonic() < until and process.poll() is None:
                time.sleep(0.05)
            assert marker.exists(), process.communicate()[1] if process.poll() is not None else "never busy"
            yield process
        finally:
            process.kill()


def hears_interrupts(process):
    """Return whether Ctrl-C can reach a process's main thread; Linux alone says what is blocked."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    (blocked,) = (int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigBlk:"))
    return not blocked >> (signal.SIGINT - 1) & 1


def interrupted(process):
    """Send Ctrl-C as a terminal does; return the exit status, what was printed, and the processes that are left."""
    family = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=DEADLINE)
    _, alive = psutil.wait_procs(family, timeout=DEADLINE)
    return process.returncode, output, errors, alive


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("slow")
    install_all(made, {"slow": DRAWING})
    return made


def test_a_run_that_draws_says_how_to_go_on(folder):
    with started(folder, "run", "slow", "--preset", "quick", "--backend", "echo") as process:
        status, output, errors, alive = interrupted(process)
    path = output.splitlines()[-1]
    assert status == 130
    assert errors.splitlines()[-1] == (
        f"interrupted; nothing measured is lost, and the page is drawn by: gradsuite report {path}"
    )
    assert "Traceback" not in errors
    assert alive == []
    assert not (folder / path / "report.html").exists()
    drawn = gradsuite(folder, "report", path, BUSY=str(folder / "busy"), **blocked())
    assert drawn.returncode == 0, drawn.stderr
    page = folder / path / "report.html"
    before = page.read_bytes()
    with started(folder, "report", path) as process:
        status, output, errors, alive = interrupted(process)
    assert (status, output, alive) == (130, "", [])
    assert errors == f"interrupted; what was there stays, and the page is drawn by: gradsuite report {path}\n"
    assert page.read_bytes() == before


@pytest.mark.skipif(not psutil.LINUX, reason="no other system tells what a process has blocked")
def test_a_process_that_draws_never_hears_of_an_interrupt(folder):
    with started(folder, "run", "slow", "--preset", "quick", "--backend", "echo") as process:
        family = psutil.Process(process.pid).children(recursive=True)
        drawing = [child for child in family if any("spawn_main" in word for word in child.cmdline())]
        assert drawing
        assert not any(map(hears_interrupts, drawing))


def test_when_the_host_is_killed_no_drawing_goes_on(folder):
    with started(folder, "run", "slow", "--preset", "quick", "--backend", "echo") as process:
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        _, alive = psutil.wait_procs(family, timeout=DEADLINE)
    assert family
    assert alive == []


@pytest.mark.parametrize(
    ("name", "source", "backend"),
    [
        ("early", HEADER + BUSY, "echo"),  # a plugin, imported by the host
        ("late", BACKEND, "slow"),  # a backend, imported by its worker
    ],
)
def test_a_slow_import_is_not_waited_for(tmp_path, name, source, backend):
    install_all(tmp_path, {name: source})
    (tmp_path / "slow_backend.py").write_text(f"import os, time\n{BUSY}")
    with started(tmp_path, "run", "good", "--preset", "quick", "--backend", backend) as process:
        status, output, errors, alive = interrupted(process)
    assert (status, output, alive) == (130, "", [])
    assert errors.splitlines()[-1] == "interrupted"
    assert "Traceback" not in errors
