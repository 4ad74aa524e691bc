"""Plugins that exist for one test: installed in a folder of their own, so that worker processes find them too."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import psutil
from gradsuite.worker.process import Process

# Two backends without a framework and an experiment that misbehaves as it is told.
PROBE = """
import os, signal, sys, threading, time
from pathlib import Path
from gradsuite import hookimpl
from gradsuite.backend import Backend, BackendInfo
from gradsuite.errors import Unsupported, UserError
from gradsuite.experiment import Experiment
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, Setting

class Echo(Backend):
    name = "echo"
    def describe(self):
        return BackendInfo(self.name, {self.name: "1.0"}, ("cpu",), ("float64", "float32"), ())
    def build(self, model, parameters, *, device="cpu", dtype="float32"):
        raise NotImplementedError

class Delta(Echo):
    name = "delta"

BEHAVIOURS = (
    "one three nan raise unsupported invalid memory exit kill hang shout log fork threads meet environment change"
).split()

class Probe(Experiment):
    name = "probe"
    question = "What becomes of a trial that does this?"
    settings = (
        Setting("behaviour", str, "what to do", choices=BEHAVIOURS),
        DTYPE,
        Setting("size", int, "a size", minimum=1),
        Setting("gain", float, "a gain", minimum=0, above=True),
    )
    presets = {
        "quick": {"behaviour": ["one"], "dtype": ["float64"], "size": [1, 2], "gain": [0.5]},
        "standard": {"behaviour": ["one"], "dtype": ["float64"], "size": [1, 2, 3], "gain": [0.5]},
    }

    def measure(self, backend, device, settings):
        yield from globals()[settings["behaviour"]](backend, settings)

def one(backend, settings):
    yield [Measurement("size", settings["size"], "units", index=3, layer=1)]

def three(backend, settings):
    for number in range(3):
        yield [Measurement("round", number, index=number)]

def nan(backend, settings):
    yield [Measurement("value", value) for value in (float("nan"), float("inf"), -float("inf"), 0.1)]

def kill(backend, settings):
    yield [Measurement("before", 1.0)]
    print("last words", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

def shout(backend, settings):
    print("not JSON")
    os.system("echo nor this")
    yield [Measurement("size", settings["size"])]

def log(backend, settings):
    for number in range(3):
        with Path(os.environ["PROBE_LOG"]).open("a") as file:
            file.write(f"{backend.name} {number}\\n")
        yield [Measurement("round", number)]

def fork(backend, settings):
    child = os.fork()
    if child:
        Path(os.environ["PROBE_LOG"]).write_text(str(child))
    time.sleep(3600)
    yield []

def threads(backend, settings):
    import numpy as np
    factor = np.full((512, 512), 2.0**-70, np.float32)
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    left = np.count_nonzero((factor @ factor).view(np.int32))  # bits: this thread may take 2^-131 for zero
    tasks = os.listdir("/proc/self/task") if os.path.exists("/proc/self/task") else []
    cores = [len(os.sched_getaffinity(int(task))) for task in tasks]
    yield [Measurement("left", left), *(Measurement("cores", number) for number in cores)]

def meet(backend, settings):
    here = Path(os.environ["PROBE_LOG"]).parent
    (here / f"here-{backend.name}").touch()
    deadline = time.monotonic() + 50
    while len(list(here.glob("here-*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    if len(list(here.glob("here-*"))) < 2:
        raise UserError("nobody came")
    yield []

def environment(backend, settings):
    yield [Measurement(name, int(os.environ.get(name, "0"))) for name in ("OMP_NUM_THREADS", "GRADSUITE_THREADS")]

def hang(backend, settings):
    time.sleep(3600)
    yield []

def change(backend, settings):
    os.environ["PROBE_CHANGED"] = backend.name
    yield []

def _raising(error):
    def behave(backend, settings):
        if settings["size"] > 0:
            raise error
        yield []
    return behave

globals()["raise"] = _raising(ZeroDivisionError("a\\nfault in /home/someone/secret/place/package/module.py"))
unsupported = _raising(Unsupported("echo has no such thing"))
invalid = _raising(UserError("size and gain do not go together"))
memory = _raising(MemoryError())
exit = _raising(SystemExit(7))

@hookimpl
def register_backends(register):
    register(Echo)
    register(Delta)
    register("gone", "probe_plugin:Gone", requires=["no_such_framework"], install="pip install gone")

@hookimpl
def register_experiments(register):
    register(Probe)
"""


# A command that heeds Ctrl-C, typed after `python -c`.
HEEDING = """
import signal  # a shell that runs the tests in the background has its processes ignore Ctrl-C
signal.signal(signal.SIGINT, signal.default_int_handler)
from gradsuite.__main__ import command
command()
"""


def install(folder: Path, name: str, source: str) -> None:
    """Install a plugin in a folder: one module, and the entry point that names it."""
    module = f"{name}_plugin"
    (folder / f"{module}.py").write_text(dedent(source))
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[gradsuite]\n{name} = {module}\n")


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Return this process's environment with the plugins of a folder in it."""
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "COLUMNS": "200", **more}


def gradsuite(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, with the plugins installed there; only one that hangs is ended."""
    command = [sys.executable, "-m", "gradsuite", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment(folder, **more), capture_output=True, text=True, timeout=600
    )


def ended(pid: int) -> bool:
    """Whether a process that was killed is gone within a minute; one that nobody has waited for is, too."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


@contextmanager
def worker(**more: str) -> Iterator[Process]:
    """Start a worker of the backend `echo`, and end it."""
    process = Process("echo", {**os.environ, **more})
    try:
        yield process
    finally:
        process.close()


def trial(behaviour: str, size: int = 1) -> dict[str, Any]:
    """Return the request that starts a trial of the experiment `probe`."""
    settings = {"behaviour": behaviour, "dtype": "float64", "size": size, "gain": 0.5}
    return {"do": "start", "experiment": "probe", "device": "cpu", "settings": settings}
