"""What a run has on each Dask worker: gradsuite's own workers, kept from trial to trial, and the lock of the machine.

Timed trials hold the lock alone, all others share it: whatever a machine's Dask workers do for whichever run, nothing
else of gradsuite's computes beside what is timed.
"""

import fcntl
import os
import tempfile
from asyncio import to_thread
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, Timer
from typing import Any

from distributed import WorkerPlugin, get_worker

from gradsuite.experiment import Result, Trial
from gradsuite.machine.facts import machine
from gradsuite.plugins import load
from gradsuite.running.configuration import Configuration
from gradsuite.running.executors.executor import Group
from gradsuite.running.executors.local import LocalExecutor
from gradsuite.running.executors.recorded import Recorded
from gradsuite.worker.environment import WorkerEnvironment

IDLE = 300.0  # seconds after which the workers of a host that has died, or waits, are ended
Outcomes = list[tuple[Trial, Result]]


class Station(WorkerPlugin):  # type: ignore[misc]  # distributed is typed in part only
    """A run's executor on one Dask worker: it is made when it is first needed, and closed when the run ends."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration

    def setup(self, worker: Any) -> None:
        """Begin on a Dask worker, one that joins late too; nothing is started yet."""
        self.lock = Lock()
        self.executor: LocalExecutor | None = None
        self.teams: list[Recorded] = []  # workers of untimed trials
        self.free: list[Recorded] = []  # those of them that have nothing to do
        self.busy = 0
        self.alarm = Timer(IDLE, self.rest)

    async def teardown(self, worker: Any) -> None:
        """End on a Dask worker, in the middle of a trial too."""
        await to_thread(self.close)

    def time(self, group: Group) -> Outcomes:
        """Measure the trials of a group against each other, alone on the machine."""
        with self._working(), machine_lock(fcntl.LOCK_EX):
            return list(self._local().run([group]))

    def measure(self, trial: Trial) -> Outcomes:
        """Measure a trial that times nothing, with one thread."""
        with self._working(), machine_lock(fcntl.LOCK_SH):
            workers = self._take(trial.backend)
            try:
                return [(trial, workers.measure(trial))]
            finally:
                self.free.append(workers)

    def rest(self) -> None:
        """End all workers unless something is going on: they are started again when they are needed."""
        if not self.busy:
            self.close()

    def close(self) -> None:
        """End all workers."""
        with self.lock:
            open_ones = [one for one in (self.executor, *self.teams) if one is not None]
            self.executor, self.teams, self.free = None, [], []
        for one in open_ones:
            one.close()

    @contextmanager
    def _working(self) -> Iterator[None]:
        with self.lock:
            self.alarm.cancel()
            self.busy += 1
        try:
            yield
        finally:
            with self.lock:
                self.busy -= 1
                self.alarm = Timer(IDLE, self.rest)
                self.alarm.daemon = True
                self.alarm.start()

    def _local(self) -> LocalExecutor:
        with self.lock:
            self.executor = self.executor or local_executor(self.configuration)
            return self.executor

    def _take(self, backend: str) -> Recorded:
        """Return free workers, those that have this backend's rather than others; new ones if none are free."""
        local = self._local()
        with self.lock:
            for workers in sorted(self.free, key=lambda one: backend not in one.processes):
                self.free.remove(workers)
                return workers
            one_thread = local.environment.shared(local.environment.threads)
            self.teams.append(Recorded(one_thread, local.timeout, local.memory))
            return self.teams[-1]


def time_on(station: str, group: Group) -> Outcomes:
    """Measure a group on the Dask worker that this is called on."""
    return of_this_worker(station).time(group)


def measure_on(station: str, group: Group) -> Outcomes:
    """Measure trials that time nothing, on the Dask worker that this is called on."""
    return [outcome for trial in group for outcome in of_this_worker(station).measure(trial)]


def of_this_worker(station: str) -> Station:
    """Return what a run has on the Dask worker that this is called on."""
    found: Station = get_worker().plugins[station]
    return found


def local_executor(configuration: Configuration) -> LocalExecutor:
    """Return the executor of the machine that this is called on, which finds its own plugins and cores."""
    environment = WorkerEnvironment(load(configuration.no_plugin), machine(configuration.threads))
    return LocalExecutor.configured(environment, configuration)


@contextmanager
def machine_lock(kind: int) -> Iterator[None]:
    """Hold this user's lock of the machine, shared or alone; the system lets go of it if the process ends."""
    with (Path(tempfile.gettempdir()) / f"gradsuite-{os.getuid()}.lock").open("a") as file:
        fcntl.flock(file, kind)
        yield
