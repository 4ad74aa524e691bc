"""An experiment that takes its time, on two backends without a framework; a log has every trial that was measured."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.throwaway import environment, install

PACING = """
import os, sys, time
from pathlib import Path
from gradsuite import hookimpl
from gradsuite.backend import Backend, BackendInfo
from gradsuite.experiment import Experiment
from gradsuite.rows import Measurement
from gradsuite.settings import Setting

class Left(Backend):
    name = "left"
    def describe(self):
        return BackendInfo(self.name, {self.name: "1.0"}, ("cpu",), ("float64",), ())
    def build(self, model, parameters, *, device="cpu", dtype="float32"):
        raise NotImplementedError

class Right(Left):
    name = "right"

class Pacing(Experiment):
    name = "pacing"
    question = "What is kept of a run that is broken off?"
    settings = (
        Setting("number", int, "a number", minimum=0),
        Setting("pause", float, "seconds that it takes", minimum=0),
        Setting("rows", int, "measurements", minimum=1),
    )
    presets = {"quick": {"number": [0, 1, 2, 3], "pause": [0.0], "rows": [3]}}

    def measure(self, backend, device, settings):
        time.sleep(settings["pause"])
        lock = os.environ.get("PACING_LOCKS")
        if lock and settings["number"] == 2 and backend.name == "left":
            Path(lock).chmod(0o555)
        yield [
            Measurement("number", settings["number"] + place / 7 + len(backend.name), "1", index=place)
            for place in range(settings["rows"])
        ]
        with open(os.environ["PACING_LOG"], "a") as log:
            log.write(f"{backend.name} {settings['number']} {os.getpid()}\\n")

@hookimpl
def register_backends(register):
    register(Left)
    register(Right)

@hookimpl
def register_experiments(register):
    register(Pacing)
"""
BACKENDS = ("left", "right")
DEADLINE = 120.0  # seconds for what takes two


def installed(folder: Path) -> Path:
    """Install the plugin in a folder, and return it."""
    install(folder, "pacing", PACING)
    return folder


def command(*arguments: str) -> list[str]:
    """Return the command line of a run, or of what else is to be done."""
    return [sys.executable, "-m", "gradsuite", *arguments]


def asked(numbers: int, pause: float = 0.0, rows: int = 3) -> list[str]:
    """Return what to type for so many trials on each backend."""
    numbered = ",".join(map(str, range(numbers)))
    settings = [f"number={numbered}", f"pause={pause}", f"rows={rows}"]
    flags = [word for setting in settings for word in ("--set", setting)]
    return [
        "run",
        "pacing",
        "--backend",
        ",".join(BACKENDS),
        "--preset",
        "quick",
        "--no-preflight",
        "--name",
        "it",
        *flags,
    ]


@contextmanager
def started(folder: Path, *arguments: str, before: Callable[[], Any] | None = None) -> Iterator[subprocess.Popen[str]]:
    """Start a command in a folder, with the plugin there; in the end it is killed, if it has not ended."""
    pipe, variables = subprocess.PIPE, {"PACING_LOG": str(folder / "log"), "MPLBACKEND": "agg"}
    variables["GRADSUITE_DISABLE_PLUGINS"] = "torch,jax,peers,mlflow"
    with subprocess.Popen(
        command(*arguments), cwd=folder, env=environment(folder, **variables), stdout=pipe, stderr=pipe, text=True,
        preexec_fn=before,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def done(folder: Path, *arguments: str, before: Callable[[], Any] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    with started(folder, *arguments, before=before) as process:
        output, errors = process.communicate(timeout=DEADLINE)
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def logged(folder: Path) -> Counter[str]:
    """Return how often each trial was measured to its end, as its worker says."""
    log = folder / "log"
    lines = log.read_text().splitlines() if log.exists() else []
    return Counter(" ".join(line.split()[:2]) for line in lines)


def workers(folder: Path) -> set[int]:
    """Return the processes that measured, of those that are still there."""
    lines = (folder / "log").read_text().splitlines()
    return {pid for pid in {int(line.split()[2]) for line in lines if len(line.split()) == 3} if alive(pid)}


def alive(pid: int) -> bool:
    """Whether a process runs."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until(condition: Callable[[], Any]) -> None:
    """Wait until something is so. Raises TimeoutError if it does not come to be."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.005)


def kill(pid: int) -> None:
    """Kill a process with its workers left to themselves."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
