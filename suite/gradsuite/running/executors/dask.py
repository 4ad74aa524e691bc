"""The Dask executor: trials go to the machines of a Dask cluster, each measured by gradsuite's own workers there.

A group of timed trials stays together on one machine, and has it for itself. What is not timed fills the cores.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from logging import INFO, WARNING
from queue import Empty, SimpleQueue
from typing import Any
from uuid import uuid4

from gradsuite.backend import BackendInfo
from gradsuite.errors import UserError, one_line
from gradsuite.experiment import Result, Trial
from gradsuite.running.configuration import Configuration
from gradsuite.running.executors.executor import Executor, Group, Halted, Known, Say, quiet, unknown
from gradsuite.running.executors.fleet import Fleet
from gradsuite.running.executors.lanes import Meanwhile, idle
from gradsuite.running.log import event, of_trial, trial_ended
from gradsuite.running.room import Room

try:
    import distributed

    from gradsuite.running.executors import station
except ImportError as error:
    raise UserError('--executor dask needs distributed: python -m pip install "gradsuite[dask]"') from error

CONNECT_TIMEOUT = 3.0  # seconds
LOOK = 0.5  # seconds between two looks at which Dask workers there are
AHEAD = 0.2  # seconds of work that wait at each Dask worker, so that short trials do not wait for the network
MOST_AHEAD = 50
SMOOTHING = 0.1
TRIES = 3  # Dask workers that may be lost over a trial before it is an error
GONE = ("cancelled", "lost")  # states of a task that no worker has any more
Outcomes = list[tuple[Trial, Result]]


@dataclass(slots=True)
class Sent:
    """Trials that a Dask worker has been given."""

    group: Group
    address: str
    tries: int


class DaskExecutor(Executor):
    """Hands trials to a Dask scheduler, which has gradsuite and the same plugins on its workers."""

    def __init__(self, configuration: Configuration, say: Say = quiet) -> None:
        """Connect. Raises UserError if there is no scheduler at that address, or no worker."""
        self.configuration = configuration
        self.say = say
        self.station = f"gradsuite-{uuid4().hex}"
        address = configuration.scheduler
        try:
            self.client = distributed.Client(address, timeout=CONNECT_TIMEOUT, set_as_default=False)
        except Exception as error:  # an address may be anything
            raise UserError(f"no Dask scheduler answers at {address!r}: {one_line(error)[:120]}") from error
        self.fleet = Fleet(self.client, configuration.threads, say)
        self.fleet.look()
        if not self.fleet.cores:
            self.client.close()
            raise UserError(
                f"the Dask scheduler at {address!r} has no workers: start some with `dask worker {address}`"
            )
        self.client.register_plugin(station.Station(configuration), name=self.station)

    def describe(self, backends: Sequence[str]) -> dict[str, BackendInfo | str]:
        """Return what each backend says of itself on one of the workers, or why it cannot be had."""
        described: dict[str, BackendInfo | str] = self._ask(describe, list(backends))
        return described

    def preflight(self, backends: Sequence[str], device: str, cells: Sequence[str]) -> dict[str, str]:
        """Return what is wrong with the gradients of these backends on one of the workers."""
        wrong: dict[str, str] = self._ask(preflight, list(backends), device, list(cells))
        return wrong

    def room(self) -> Room:
        """Return the room on the machine that has most of it."""
        rooms = self.client.run(room, self.configuration, on_error="ignore")
        return max([*rooms.values()] or [self._ask(room)], key=lambda one: min(one.limit, one.free))

    def run(
        self, groups: Iterable[Group], known: Known = unknown, meanwhile: Meanwhile = idle
    ) -> Iterator[tuple[Trial, Result]]:
        """Yield each trial as it is finished, first those that are not timed. Raises Halted if the scheduler is lost.

        What a Dask worker was measuring that is lost is measured by another. Nothing is done `meanwhile`: who knows
        whether workers compute on this computer, too?
        """
        groups = list(groups)
        untimed = [[trial] for group in groups for trial in group if not trial.timed]
        timed = [alike for group in groups if (alike := [trial for trial in group if trial.timed])]
        yield from self._spread(untimed, station.measure_on, known, alone=False)
        yield from self._spread(timed, station.time_on, known, alone=True)

    def machine(self) -> Mapping[str, Any]:
        """Return the facts about one of the cluster's machines, and how many workers there are."""
        return {**next(iter(self.fleet.facts.values())), "dask_workers": len(self.fleet.cores)}

    def machines(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the facts about each machine that has had a part, by its name."""
        return self.fleet.machines()

    def close(self) -> None:
        """Leave the cluster, and end what the run has there."""
        try:
            self.client.unregister_worker_plugin(self.station)
        except Exception as error:  # noqa: BLE001  the scheduler is lost: each Dask worker ends it by itself, once it is idle
            event(WARNING, "cluster left", reason=one_line(error))
        self.client.close()

    def _ask(self, task: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a task returns on one of the workers. Raises UserError if none of them can do it."""
        try:
            return self.client.submit(task, self.configuration, *arguments, pure=False).result()
        except Exception as error:
            raise UserError(f"the Dask cluster cannot {task.__name__}: {one_line(error)[:200]}") from error

    def _spread(
        self, groups: Iterable[Group], task: Callable[[str, Group], Outcomes], known: Known, *, alone: bool
    ) -> Iterator[tuple[Trial, Result]]:
        """Have each group measured by a Dask worker that has nothing else to do, and yield what comes back."""
        waiting: deque[tuple[Group, int]] = deque((group, 0) for group in groups)
        sent: dict[Any, Sent] = {}
        ended: SimpleQueue[Any] = SimpleQueue()
        looked, pace = float("-inf"), AHEAD  # seconds that a group takes, lately
        while waiting or sent:
            if time.monotonic() - looked > LOOK:
                self._look()
                looked = time.monotonic()
                there = self.fleet.cores
                for future in [one for one, its in sent.items() if its.address not in there or one.status in GONE]:
                    lost = sent.pop(future)
                    future.cancel()
                    if lost.tries + 1 < TRIES:
                        waiting.appendleft((lost.group, lost.tries + 1))
                    else:
                        yield from failed(lost.group, f"the Dask worker that measured it was lost, {TRIES} times")
            ahead = max(1, min(MOST_AHEAD, round(AHEAD / max(pace, 1e-3))))
            for address in self.fleet.idle((its.address for its in sent.values()), alone=alone, ahead=ahead):
                group: Group = []
                while waiting and not group:
                    group, tries = waiting.popleft()
                    told = [(trial, result) for trial in group if (result := known(trial))]
                    yield from told
                    group = [trial for trial in group if trial not in [one for one, _ in told]]
                if not group:
                    break
                for trial in group:
                    event(INFO, "trial started", **of_trial(trial), machine=self.fleet.machine(address))
                future = self.client.submit(task, self.station, group, workers=[address], pure=False)
                sent[future] = Sent(group, address, tries)
                future.add_done_callback(ended.put)
            try:
                future = ended.get(timeout=LOOK)
            except Empty:
                continue
            if future in sent and future.status not in GONE:  # if it is, the next look says what else is
                outcomes = self._received(future, sent.pop(future))
                pace += SMOOTHING * (sum(result.seconds for _, result in outcomes) - pace)
                yield from outcomes

    def _look(self) -> None:
        """Look for Dask workers, for as long as a round may take where none is left."""
        self.fleet.look()
        if self.fleet.cores:
            return
        self.say("no Dask worker is left: waiting for one")
        deadline = time.monotonic() + self.configuration.timeout
        while not self.fleet.cores:
            if time.monotonic() > deadline:
                raise Halted(f"no Dask worker has come for {self.configuration.timeout:g} s")
            time.sleep(LOOK)
            self.fleet.look()

    def _received(self, future: Any, its: Sent) -> Outcomes:
        """Return what a Dask worker has measured, with the machine that it is on."""
        failure = future.exception()
        outcomes = failed(its.group, one_line(failure)) if failure else future.result()
        name = self.fleet.machine(its.address)
        for trial, result in outcomes:
            trial_ended(trial, result, machine=name)
        return [(trial, result.on(name)) for trial, result in outcomes]


def failed(group: Group, reason: str) -> Outcomes:
    """Return these trials as errors, for what happened outside of any of gradsuite's workers."""
    return [(trial, Result("error", reason=reason)) for trial in group]


def describe(configuration: Configuration, backends: Sequence[str]) -> dict[str, BackendInfo | str]:
    """Describe backends on the machine that this is called on."""
    with station.local_executor(configuration) as executor:
        return executor.describe(backends)


def preflight(
    configuration: Configuration, backends: Sequence[str], device: str, cells: Sequence[str]
) -> dict[str, str]:
    """Compare backends with the oracle on the machine that this is called on."""
    with station.local_executor(configuration) as executor:
        return executor.preflight(backends, device, cells)


def room(configuration: Configuration) -> Room:
    """Return the room on the machine that this is called on."""
    with station.local_executor(configuration) as executor:
        return executor.room()
