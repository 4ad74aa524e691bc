"""The local executor: one live worker per backend, only one of them computing at a time."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from gradsuite.backend import BackendInfo
from gradsuite.errors import one_line
from gradsuite.experiment import Result, Trial
from gradsuite.machine.facts import without_paths
from gradsuite.rows import Measurement
from gradsuite.running.executors.executor import Executor, Group
from gradsuite.worker.environment import WorkerEnvironment
from gradsuite.worker.process import Lost, Process

START_TIMEOUT = 300.0  # seconds to import a framework, from a cold disk too, or to compile a small network per cell


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


class LocalExecutor(Executor):
    """Measures the backends of a group in interleaved, shuffled rounds, so that drift hits all alike."""

    def __init__(self, environment: WorkerEnvironment, *, timeout: float, seed: int = 0) -> None:
        """Start workers with `environment(backend)` and give each round `timeout` seconds."""
        self.environment = environment
        self.timeout = timeout
        self.random = random.Random(seed)
        self.processes: dict[str, Process] = {}

    def describe(self, backends: Sequence[str]) -> dict[str, BackendInfo | str]:
        """Return what each backend says of itself, or why it cannot be had; they start side by side."""
        with ThreadPoolExecutor(max(1, len(backends))) as pool:
            return dict(zip(backends, pool.map(self._describe, backends), strict=True))

    def preflight(self, backends: Sequence[str], device: str, cells: Sequence[str]) -> dict[str, str]:
        """Return what is wrong with the gradients of these backends; side by side, for nothing is timed."""
        with ThreadPoolExecutor(max(1, len(backends))) as pool:
            reasons = pool.map(lambda backend: self._preflight(backend, device, cells), backends)
            return {backend: reason for backend, reason in zip(backends, reasons, strict=True) if reason}

    def run(self, groups: Iterable[Group]) -> Iterator[tuple[Trial, Result]]:
        """Yield each trial as it is finished."""
        for group in groups:
            unfinished = [Unfinished(trial) for trial in group]
            while unfinished:
                self.random.shuffle(unfinished)
                for one in list(unfinished):
                    if result := self._round(one):
                        unfinished.remove(one)
                        yield one.trial, result

    def run_while(
        self, group: Group, going: Callable[[Sequence[Sequence[Measurement]]], bool]
    ) -> list[tuple[Trial, Result]]:
        """Return a group's trials with what was measured while it was `going`, which is told what each has measured.

        A round is one of each trial, and is not broken off; what has not come to its end then is ok all the same.
        """
        unfinished, results = [Unfinished(trial) for trial in group], list[tuple[Trial, Result]]()
        while unfinished and going([one.measurements for one in unfinished]):
            self.random.shuffle(unfinished)
            for one in list(unfinished):
                if result := self._round(one):
                    unfinished.remove(one)
                    results.append((one.trial, result))
        return results + [(one.trial, one.result()) for one in unfinished]

    def machine(self) -> Mapping[str, Any]:
        """Return the facts about this computer."""
        return self.environment.machine

    def close(self) -> None:
        """End every worker."""
        for backend in list(self.processes):
            self._end(backend)

    def _describe(self, backend: str) -> BackendInfo | str:
        try:
            return self._start(backend)
        except Lost as lost:
            return str(lost)

    def _preflight(self, backend: str, device: str, cells: Sequence[str]) -> str:
        """Return what is wrong with a backend's gradients, or nothing; one that dies of it gets a fresh worker."""
        try:
            if backend not in self.processes:
                self._start(backend)
            request = {"do": "preflight", "device": device, "cells": list(cells)}
            reply = self.processes[backend].ask(request, START_TIMEOUT)
        except Lost as lost:
            if backend in self.processes:
                self._end(backend)
            return without_paths(str(lost))
        return without_paths(reply.get("reason", ""))

    def _start(self, backend: str) -> BackendInfo:
        """Start a worker and have it import its framework. Raises Lost if it cannot."""
        try:
            process = Process(backend, self.environment(backend), self.environment.origin(backend).python)
        except (Exception, SystemExit) as error:  # a hook that sets the environment may fail in any way
            raise Lost("error", one_line(error)) from error
        self.processes[backend] = process
        try:
            reply = process.ask({"do": "describe"}, START_TIMEOUT)
            if reply["status"] != "ok":
                raise Lost("error", reply["reason"])
        except Lost:
            self._end(backend)
            raise
        return info(reply["info"])

    def _end(self, backend: str) -> None:
        self.processes.pop(backend).close()

    def _round(self, one: Unfinished) -> Result | None:
        """Run one round of a trial; return its result if that was the last one."""
        backend = one.trial.backend
        if backend not in self.processes:
            try:
                self._start(backend)
            except Lost as lost:
                return one.result("error", f"the worker did not start: {lost}")
        process = self.processes[backend]
        if not one.started:
            process.forget_stderr()
        began = time.perf_counter()
        try:
            reply = process.ask(one.request(), self.timeout)
        except Lost as lost:
            reply = {"status": lost.status, "reason": str(lost), "measurements": []}
        one.seconds += time.perf_counter() - began
        one.measurements += [Measurement(*row) for row in reply["measurements"]]
        if reply["status"] in ("error", "timeout"):
            return self._failed(one, reply["status"], reply["reason"])
        if not reply["done"]:
            return None
        if process.is_crowded():
            self._end(backend)
        return one.result(reply["status"], reply.get("reason", ""))

    def _failed(self, one: Unfinished, status: str, reason: str) -> Result:
        """Return the result of a failure; the next trial gets a fresh worker, for this one may have been damaged."""
        result = one.result(status, reason, self.processes[one.trial.backend].stderr_tail())
        self._end(one.trial.backend)
        return result


def info(fields: Mapping[str, Any]) -> BackendInfo:
    """Return a BackendInfo that came through JSON, its lists tuples again."""
    activations = {cell: tuple(names) for cell, names in fields["activations"].items()}
    tuples = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    return BackendInfo(**tuples | {"activations": activations})
