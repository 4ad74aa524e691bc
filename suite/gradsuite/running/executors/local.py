"""The local executor: what is timed is measured alone on the machine, all else side by side."""

import random
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from typing import Any, Self, TypeVar

from gradsuite.backend import BackendInfo
from gradsuite.experiment import Result, Trial
from gradsuite.machine.memory import capacity, free, size
from gradsuite.running.configuration import MEMORY_LIMIT, Configuration
from gradsuite.running.executors.executor import Executor, Group, Known, unknown
from gradsuite.running.executors.lanes import Meanwhile, idle, side_by_side
from gradsuite.running.executors.recorded import Recorded
from gradsuite.running.executors.workers import Unfinished
from gradsuite.running.room import Room
from gradsuite.worker.environment import WorkerEnvironment
from gradsuite.worker.process import Lost

Answer = TypeVar("Answer")
Lanes = Mapping[str, deque[Trial]]  # each backend's own trials, in their order


class LocalExecutor(Executor):
    """One live worker per backend: of those that time anything, only one computes at a time."""

    def __init__(
        self,
        environment: WorkerEnvironment,
        *,
        timeout: float,
        memory_limit: str = MEMORY_LIMIT,
        jobs: int | None = None,
        seed: int = 0,
    ) -> None:
        """Start workers with `environment(backend)`; give each round `timeout` seconds, and each worker so much memory.

        A share, such as `50%`, is of the memory that this computer has. What is not timed is measured by as many
        workers as there are `jobs`, each with one thread; if nobody says how many, by one of each backend, which have
        the threads between them.
        """
        self.environment = environment
        self.timeout = timeout
        self.jobs = jobs
        self.memory = size(memory_limit, capacity())
        self.random = random.Random(seed)
        self.workers = Recorded(environment, timeout, self.memory)
        self.sharing: list[Recorded] = []  # those that compute side by side, each with its part of the threads

    @classmethod
    def configured(cls, environment: WorkerEnvironment, asked: Configuration) -> Self:
        """Return the executor with the limits that a run was asked for."""
        return cls(environment, timeout=asked.timeout, memory_limit=asked.memory_limit, jobs=asked.jobs)

    def describe(self, backends: Sequence[str]) -> dict[str, BackendInfo | str]:
        """Return what each backend says of itself, or why it cannot be had; they start side by side."""
        return dict(zip(backends, self._at_once(self._describe, backends), strict=True))

    def preflight(self, backends: Sequence[str], device: str, cells: Sequence[str]) -> dict[str, str]:
        """Return what is wrong with the gradients of these backends; side by side, for nothing is timed."""
        reasons = self._at_once(lambda backend: self.workers.preflight(backend, device, cells), backends)
        return {backend: reason for backend, reason in zip(backends, reasons, strict=True) if reason}

    def run(
        self, groups: Iterable[Group], known: Known = unknown, meanwhile: Meanwhile = idle
    ) -> Iterator[tuple[Trial, Result]]:
        """Yield each trial as it is finished, first those that are not timed, if that is of use."""
        groups = list(groups)
        lanes: dict[str, deque[Trial]] = defaultdict(deque)
        for trial in (trial for group in groups for trial in group if not trial.timed):
            lanes[trial.backend].append(trial)
        at_once = self.jobs or (min(len(lanes), self.environment.threads) if len(lanes) > 1 else 1)
        if lanes and (self.jobs or at_once > 1):
            yield from self._beside(lanes, at_once, known, meanwhile)
            groups = [[trial for trial in group if trial.timed] for group in groups]
        for group in groups:
            yield from self._alone(group, known)

    def round(self, one: Unfinished, timeout: float | None = None) -> Result | None:
        """Run a round of a trial, in as many seconds or the limit of all; return its result if it was the last."""
        return self.workers.round(one, timeout)

    def room(self) -> Room:
        """Return how much memory a worker may take, and how much is free on this computer."""
        return Room(self.memory, free())

    def machine(self) -> Mapping[str, Any]:
        """Return the facts about this computer."""
        return self.environment.machine

    def close(self) -> None:
        """End every worker."""
        for workers in (self.workers, *self.sharing):
            workers.close()

    def _at_once(self, ask: Callable[[str], Answer], backends: Sequence[str]) -> list[Answer]:
        """Return what each backend's worker answers; when the user stops it, no import is waited for."""
        with ThreadPoolExecutor(max(1, len(backends))) as pool:
            try:
                return list(pool.map(ask, backends))
            except BaseException:
                self.close()  # its threads' answers are then there at once
                raise

    def _describe(self, backend: str) -> BackendInfo | str:
        try:
            return self.workers.start(backend)
        except Lost as lost:
            return str(lost)

    def _beside(
        self, waiting: Lanes, at_once: int, known: Known, meanwhile: Meanwhile
    ) -> Iterator[tuple[Trial, Result]]:
        """Measure so many trials at a time, each backend's in their order: whichever worker is free takes the next.

        Towards the end, when fewer workers are left than could compute, there is time to do something else meanwhile.
        """
        environment = self.environment.shared(self.environment.threads if self.jobs else at_once)
        each = max(1, ceil(at_once / len(waiting)))  # workers of a backend
        teams = [Recorded(environment, self.timeout, self.memory) for _ in range(each)]
        self.sharing += teams

        def lane(backend: str, workers: Recorded) -> Iterator[tuple[Trial, Result]]:
            while trial := taken(waiting[backend]):
                yield trial, known(trial) or workers.measure(trial)
            workers.end(backend)

        lanes = [lane(backend, workers) for workers in teams for backend in waiting]
        yield from side_by_side(lanes, at_once, meanwhile)

    def _alone(self, group: Group, known: Known) -> Iterator[tuple[Trial, Result]]:
        """Measure the backends of a group in interleaved, shuffled rounds, so that drift hits all alike."""
        results = [(trial, known(trial)) for trial in group]
        yield from ((trial, result) for trial, result in results if result)
        unfinished = [Unfinished(trial) for trial, result in results if not result]
        while unfinished:
            self.random.shuffle(unfinished)
            for one in list(unfinished):
                if result := self.workers.round(one):
                    unfinished.remove(one)
                    yield one.trial, result


def taken(waiting: deque[Trial]) -> Trial | None:
    """Take the next trial, None if there is none left: another thread may have been faster."""
    try:
        return waiting.popleft()
    except IndexError:
        return None
