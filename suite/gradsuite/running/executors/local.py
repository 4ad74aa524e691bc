"""The local executor: what is timed is measured alone on the machine, all else side by side on several backends."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from gradsuite.backend import BackendInfo
from gradsuite.experiment import Result, Trial
from gradsuite.rows import Measurement
from gradsuite.running.executors.executor import Executor, Group
from gradsuite.running.executors.lanes import side_by_side
from gradsuite.running.executors.workers import Unfinished, Workers
from gradsuite.worker.environment import WorkerEnvironment
from gradsuite.worker.process import Lost

AT_ONCE = 16  # workers that start at a time
T = TypeVar("T")
Lanes = Mapping[str, Sequence[Trial]]  # each backend's own trials, in their order


class LocalExecutor(Executor):
    """One live worker per backend: of those that time anything, only one computes at a time."""

    def __init__(self, environment: WorkerEnvironment, *, timeout: float, seed: int = 0) -> None:
        """Start workers with `environment(backend)` and give each round `timeout` seconds."""
        self.environment = environment
        self.timeout = timeout
        self.random = random.Random(seed)
        self.workers = Workers(environment, timeout)
        self.sharing: list[Workers] = []  # those that compute side by side, each with its part of the threads

    def describe(self, backends: Sequence[str]) -> dict[str, BackendInfo | str]:
        """Return what each backend says of itself, or why it cannot be had; they start side by side."""
        return _of_each(backends, self._describe)

    def preflight(self, backends: Sequence[str], device: str, cells: Sequence[str]) -> dict[str, str]:
        """Return what is wrong with the gradients of these backends; side by side, for nothing is timed."""
        reasons = _of_each(backends, lambda backend: self.workers.preflight(backend, device, cells))
        return {backend: reason for backend, reason in reasons.items() if reason}

    def run(self, groups: Iterable[Group]) -> Iterator[tuple[Trial, Result]]:
        """Yield each trial as it is finished, first those that are not timed, if that is of use."""
        groups = list(groups)
        lanes: dict[str, list[Trial]] = defaultdict(list)
        for trial in (trial for group in groups for trial in group if not trial.timed):
            lanes[trial.backend].append(trial)
        if len(lanes) > 1 and self.environment.threads > 1:
            yield from self._beside(lanes)
            groups = [[trial for trial in group if trial.timed] for group in groups]
        for group in groups:
            yield from self._alone(group)

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
                if result := self.workers.round(one):
                    unfinished.remove(one)
                    results.append((one.trial, result))
        return results + [(one.trial, one.result()) for one in unfinished]

    def machine(self) -> Mapping[str, Any]:
        """Return the facts about this computer."""
        return self.environment.machine

    def close(self) -> None:
        """End every worker."""
        for workers in (self.workers, *self.sharing):
            workers.close()

    def _describe(self, backend: str) -> BackendInfo | str:
        try:
            return self.workers.start(backend)
        except Lost as lost:
            return str(lost)

    def _beside(self, lanes: Lanes) -> Iterator[tuple[Trial, Result]]:
        """Measure as many backends at a time as there are threads for, each its own trials one after another."""
        at_once = min(len(lanes), self.environment.threads)
        workers = Workers(self.environment.shared(at_once), self.timeout)
        self.sharing.append(workers)

        def lane(backend: str) -> Iterator[tuple[Trial, Result]]:
            for trial in lanes[backend]:
                yield trial, workers.measure(trial)
            workers.end(backend)

        yield from side_by_side([lane(backend) for backend in lanes], at_once)

    def _alone(self, group: Group) -> Iterator[tuple[Trial, Result]]:
        """Measure the backends of a group in interleaved, shuffled rounds, so that drift hits all alike."""
        unfinished = [Unfinished(trial) for trial in group]
        while unfinished:
            self.random.shuffle(unfinished)
            for one in list(unfinished):
                if result := self.workers.round(one):
                    unfinished.remove(one)
                    yield one.trial, result


def _of_each(backends: Sequence[str], answer: Callable[[str], T]) -> dict[str, T]:
    """Return an answer for each backend; Ctrl-C does not wait for those that are still to come."""

    def lane(backend: str) -> Iterator[tuple[str, T]]:
        yield backend, answer(backend)

    answers = dict(side_by_side([lane(backend) for backend in backends], AT_ONCE))
    return {backend: answers[backend] for backend in backends}
