"""Workers that tell the log of the run what they do."""

from logging import DEBUG, INFO

from gradsuite.backend import BackendInfo
from gradsuite.experiment import Result
from gradsuite.machine import memory
from gradsuite.running.executors.workers import Unfinished, Workers
from gradsuite.running.log import event, of_trial, trial_ended


class Recorded(Workers):
    """Workers of which each start and replacement, trial and round is an event, with number and memory in bytes."""

    def start(self, backend: str) -> BackendInfo:
        """Start a worker, as Workers do."""
        info = super().start(backend)
        event(INFO, "worker started", backend=backend, pid=self.pid(backend))
        return info

    def round(self, one: Unfinished, timeout: float | None = None) -> Result | None:
        """Run a round, as Workers do."""
        trial, before = of_trial(one.trial), one.seconds
        if not one.started:
            event(INFO, "trial started", **trial)
        pid = self.pid(one.trial.backend)
        result = super().round(one, timeout)
        pid = self.pid(one.trial.backend) or pid
        event(DEBUG, "round ended", **trial, seconds=one.seconds - before, pid=pid)
        if result:
            used = {"pid": pid, "memory": memory.resident(pid) or None if pid else None}  # one that has ended has none
            trial_ended(one.trial, result, **used)
        return result

    def replace(self, backend: str, why: str) -> None:
        """End a worker, as Workers do."""
        event(INFO, "worker replaced", backend=backend, pid=self.pid(backend), why=why)
        super().replace(backend, why)

    def pid(self, backend: str) -> int | None:
        """Return the number of a backend's worker process, None if it has none."""
        process = self.processes.get(backend)
        return process.process.pid if process else None
