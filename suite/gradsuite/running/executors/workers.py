"""One live worker per backend: started when it is first needed, asked round by round, and replaced when it fails."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from gradsuite.backend import BackendInfo
from gradsuite.errors import one_line
from gradsuite.experiment import Result, Trial
from gradsuite.machine.facts import without_paths
from gradsuite.rows import Measurement
from gradsuite.running.executors.watched import Watched
from gradsuite.worker.environment import WorkerEnvironment
from gradsuite.worker.process import Lost, Process, start_timeout


@dataclass(slots=True)
class Unfinished:
    """A trial between its first round and its last."""

    trial: Trial
    measurements: list[Measurement] = field(default_factory=list)
    seconds: float = 0.0
    started: bool = False

    def request(self) -> dict[str, Any]:
        """Return what to ask the worker for next."""
        if self.started:
            return {"do": "resume"}
        trial, self.started = self.trial, True
        return {"do": "start", "experiment": trial.experiment, "device": trial.device, "settings": trial.sent()}

    def result(self, status: str = "ok", reason: str = "", stderr: str = "") -> Result:
        """Return the trial's result."""
        measurements = tuple(self.measurements) if status == "ok" else ()
        return Result(status, measurements, without_paths(reason), stderr, self.seconds)


class Workers:
    """The workers of several backends, alike in everything but what each computes with."""

    def __init__(self, environment: WorkerEnvironment, timeout: float, memory: int) -> None:
        """Start workers with `environment(backend)`; give each round `timeout` seconds, each worker `memory` bytes."""
        self.environment = environment
        self.timeout = timeout
        self.memory = memory
        self.processes: dict[str, Process] = {}
        self.closed = False
        self.lock = Lock()  # another thread may close this while a worker is started, which is to end too

    def start(self, backend: str) -> BackendInfo:
        """Start a worker and have it import its framework. Raises Lost if it cannot."""
        try:
            environment, origin = self.environment(backend), self.environment.origin(backend)
            process = Watched(backend, environment, origin.python, memory=self.memory)
        except (Exception, SystemExit) as error:  # a hook that sets the environment may fail in any way
            raise Lost("error", one_line(error)) from error
        self._admit(backend, process)
        try:
            reply = process.ask({"do": "describe"}, start_timeout(self.timeout))
            if reply["status"] != "ok":
                raise Lost("error", reply["reason"])
        except Lost:
            self.end(backend)
            raise
        described: BackendInfo = reply["info"]
        return described

    def preflight(self, backend: str, device: str, cells: Sequence[str]) -> str:
        """Return what is wrong with a backend's gradients, or nothing; one that dies of it gets a fresh worker."""
        try:
            if backend not in self.processes:
                self.start(backend)
            request = {"do": "preflight", "device": device, "cells": list(cells)}
            reply = self.processes[backend].ask(request, start_timeout(self.timeout))
        except Lost as lost:
            self.end(backend)
            return without_paths(str(lost))
        return without_paths(reply.get("reason", ""))

    def measure(self, trial: Trial) -> Result:
        """Return the result of a trial, all its rounds one after another."""
        one = Unfinished(trial)
        while not (result := self.round(one)):
            pass
        return result

    def round(self, one: Unfinished, timeout: float | None = None) -> Result | None:
        """Run one round of a trial; return its result if that was the last one.

        It may take as many seconds as this `timeout` says, or as all may.
        """
        backend = one.trial.backend
        if not one.started and backend in self.processes and not self.processes[backend].is_quiet():
            self.replace(backend, "the trial before has left something behind that ended it, or wrote to its pipe")
        if backend not in self.processes:
            try:
                self.start(backend)
            except Lost as lost:
                return one.result("error", f"the worker did not start: {lost}")
        process = self.processes[backend]
        if not one.started:
            process.forget_stderr()
        began = time.perf_counter()
        try:
            reply = process.ask(one.request(), self.timeout if timeout is None else timeout)
        except Lost as lost:
            reply = {"status": lost.status, "reason": str(lost), "measurements": []}
        one.seconds += time.perf_counter() - began
        one.measurements += reply["measurements"]
        if reply["status"] in ("error", "timeout"):  # the next trial gets a fresh worker: this one may be damaged
            result = one.result(reply["status"], reply["reason"], process.stderr_tail())
            self.end(backend)
            return result
        if not reply["done"]:
            return None
        if reply["changed"]:
            self.replace(backend, f"a trial has changed {', '.join(reply['changed'])}")
        elif process.is_crowded():
            self.replace(backend, "it has more than half of the memory mappings that a process may have")
        return one.result(reply["status"], reply.get("reason", ""), replaced(reply["changed"]))

    def replace(self, backend: str, why: str) -> None:
        """End a worker that is to measure no more: the next trial gets a fresh one."""
        self.end(backend)

    def end(self, backend: str) -> None:
        """End a backend's worker, if it has one."""
        if process := self.processes.pop(backend, None):
            process.close()

    def close(self) -> None:
        """End every worker, for good."""
        with self.lock:
            self.closed = True
        for backend in list(self.processes):
            self.end(backend)

    def _admit(self, backend: str, process: Process) -> None:
        with self.lock:
            if not self.closed:
                self.processes[backend] = process
                return
        process.close()
        raise Lost("error", "the run has ended")


def replaced(changed: Sequence[str]) -> str:
    """Return the note on a trial that has changed what later ones would have shared with it; of nothing, none."""
    return f"a fresh worker followed this trial, which has changed {', '.join(changed)}\n" if changed else ""
