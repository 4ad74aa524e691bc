"""A real Dask cluster of this machine, whose workers can be ended at any time, and a plugin to run on it."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import distributed
from gradsuite.machine.facts import machine
from gradsuite.plugins import load
from gradsuite.running.configuration import Configuration
from gradsuite.running.executors import open_executor
from gradsuite.running.executors.executor import Executor

from tests.throwaway import environment

Found = TypeVar("Found")

CLUSTER = """
import os, time
from pathlib import Path
from gradsuite import Experiment, Measurement, Setting, hookimpl
from gradsuite.backend import Backend, BackendInfo

BACKENDS = ("echo", "delta")

def backend(name):
    class One(Backend):
        def describe(self):
            return BackendInfo(name, {name: "1.0"}, ("cpu",), ("float64",), ())
        def build(self, model, parameters, *, device="cpu", dtype="float32"):
            raise NotImplementedError
    One.name = name
    return One

class Spread(Experiment):
    name = "spread"
    question = "Who does what, and when?"
    settings = (Setting("number", int, "which one"), Setting("what", str, "what to do"))
    presets = {"quick": {"number": list(range(6)), "what": ["pid"]}}
    timed = False

    def measure(self, backend, device, settings):
        return globals()[settings["what"]](settings["number"])

class Timed(Spread):
    name = "timed"
    timed = True

def pid(number):
    yield [Measurement("pid", os.getpid()), Measurement("number", number)]

def burn(number):
    end = time.thread_time() + 0.5
    while time.thread_time() < end:
        pass
    yield [Measurement("number", number)]

def span(number):
    began = time.monotonic()
    time.sleep(0.1)
    yield [Measurement("began", began), Measurement("ended", time.monotonic())]

def wait(number):
    here = Path(os.environ["HERE"])
    (here / f"begun-{number}-{os.getpid()}").touch()
    deadline = time.monotonic() + 100
    while not (here / "go").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    yield [Measurement("number", number)]

def fails(number):
    raise ZeroDivisionError("its own fault")
    yield

@hookimpl
def register_backends(register):
    for name in BACKENDS:
        register(backend(name))

@hookimpl
def register_experiments(register):
    register(Spread)
    register(Timed)
"""


def until(there: Callable[[], Found], what: str = "it") -> Found:
    """Wait until something is there."""
    deadline = time.monotonic() + 100
    while not (found := there()):
        assert time.monotonic() < deadline, f"{what} has not come"
        time.sleep(0.02)
    return found


class Cluster:
    """A scheduler and its workers, each a process of its own, that can be ended at any time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.file = folder / "scheduler.json"
        self.scheduler = self.start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", self.file)
        until(lambda: self.file.exists() and self.file.read_text(), "the scheduler")
        self.address = distributed.utils.json.loads(self.file.read_text())["address"]

    def start(self, program: str, *arguments: object) -> subprocess.Popen[bytes]:
        """Start a program of Dask's, which finds the plugin."""
        command = [sys.executable, "-m", f"distributed.cli.dask_{program}", *map(str, arguments)]
        own = environment(self.folder, HERE=str(self.folder), DASK_DISTRIBUTED__LOGGING__DISTRIBUTED="critical")
        process = subprocess.Popen(command, cwd=self.folder, env=own, stderr=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def worker(self, threads: int = 1, *, nanny: bool = False) -> subprocess.Popen[bytes]:
        """Start a worker, or its nanny, which starts it and another once that has ended."""
        options = ("--nthreads", threads, "--nanny" if nanny else "--no-nanny", "--no-dashboard", "--nworkers", 1)
        return self.start("worker", self.address, *options)

    def close(self) -> None:
        """Kill all that were started."""
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()


@contextmanager
def executor_on(
    cluster: Cluster, workers: int = 2, said: list[str] | None = None, *, nanny: bool = False, **options: Any
) -> Iterator[tuple[Executor, list[subprocess.Popen[bytes]]]]:
    """An executor on so many workers with a thread each; what it says goes into the list `said`."""
    started = [cluster.worker(nanny=nanny) for _ in range(workers)]
    with distributed.Client(cluster.address, set_as_default=False) as client:
        client.wait_for_workers(workers, timeout=100)
    said = [] if said is None else said
    asked = Configuration(executor="dask", scheduler=cluster.address, threads=1, **{"timeout": 60, **options})
    with open_executor(asked, load(), machine(), say=said.append) as executor:
        yield executor, started
