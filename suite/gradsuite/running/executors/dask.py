"""The Dask executor: trials go to the machines of a Dask cluster, each run to its end by a local fresh worker there.

One trial computes at a time on a machine, however many Dask workers it has.
"""

import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gradsuite.backend import BackendInfo
from gradsuite.errors import UserError, one_line
from gradsuite.experiment import Result, Trial
from gradsuite.machine.facts import machine
from gradsuite.plugins import load
from gradsuite.running.configuration import Configuration
from gradsuite.running.executors.executor import Executor, Group, Known, unknown
from gradsuite.running.executors.local import LocalExecutor
from gradsuite.running.room import Room
from gradsuite.worker.environment import WorkerEnvironment

try:
    import distributed
except ImportError as error:
    raise UserError('--executor dask needs distributed: python -m pip install "gradsuite[dask]"') from error

CONNECT_TIMEOUT = 10.0  # seconds


class DaskExecutor(Executor):
    """Hands trials to a Dask scheduler, which has gradsuite and the same plugins on its workers."""

    def __init__(self, configuration: Configuration) -> None:
        """Connect. Raises UserError if there is no scheduler at that address, or no worker."""
        self.configuration = configuration
        address = configuration.scheduler
        try:
            self.client = distributed.Client(address, timeout=CONNECT_TIMEOUT, set_as_default=False)
        except (OSError, ValueError) as error:
            raise UserError(f"no Dask scheduler answers at {address!r}: {one_line(error)}") from error
        if not self.client.scheduler_info()["workers"]:
            self.client.close()
            raise UserError(
                f"the Dask scheduler at {address!r} has no workers: start some with `dask worker {address}`"
            )

    def describe(self, backends: Sequence[str]) -> dict[str, BackendInfo | str]:
        """Return what each backend says of itself on one of the workers, or why it cannot be had."""
        described: dict[str, BackendInfo | str] = self.client.submit(
            describe, self.configuration, list(backends), pure=False
        ).result()
        return described

    def preflight(self, backends: Sequence[str], device: str, cells: Sequence[str]) -> dict[str, str]:
        """Return what is wrong with the gradients of these backends on one of the workers."""
        wrong: dict[str, str] = self.client.submit(
            preflight, self.configuration, list(backends), device, list(cells), pure=False
        ).result()
        return wrong

    def room(self) -> Room:
        """Return the room on the machine that has most of it."""
        rooms = self.client.run(room, self.configuration)
        return max(rooms.values(), key=lambda one: min(one.limit, one.free))

    def run(self, groups: Iterable[Group], known: Known = unknown) -> Iterator[tuple[Trial, Result]]:
        """Yield each trial as it is finished, whatever becomes of its Dask worker."""
        futures = {
            self.client.submit(run_trial, self.configuration, trial, pure=False): trial
            for group in groups
            for trial in group
        }
        for future in distributed.as_completed(futures, loop=self.client.loop):
            failure = future.exception()
            yield futures[future], Result("error", reason=one_line(failure)) if failure else future.result()

    def machine(self) -> Mapping[str, Any]:
        """Return the facts about one of the cluster's machines, and how many workers there are."""
        facts = self.client.run(machine, self.configuration.threads)
        return {**next(iter(facts.values())), "dask_workers": len(facts)}

    def close(self) -> None:
        """Leave the cluster; what it has not begun is dropped."""
        self.client.close()


def describe(configuration: Configuration, backends: Sequence[str]) -> dict[str, BackendInfo | str]:
    """Describe backends on the machine that this is called on."""
    with local_executor(configuration) as executor:
        return executor.describe(backends)


def preflight(
    configuration: Configuration, backends: Sequence[str], device: str, cells: Sequence[str]
) -> dict[str, str]:
    """Compare backends with the oracle on the machine that this is called on."""
    with local_executor(configuration) as executor:
        return executor.preflight(backends, device, cells)


def run_trial(configuration: Configuration, trial: Trial) -> Result:
    """Run one trial on the machine that this is called on, alone there."""
    with distributed.Lock(f"gradsuite {platform.node()}"), local_executor(configuration) as executor:
        ((_, result),) = executor.run([[trial]])
        return result


def room(configuration: Configuration) -> Room:
    """Return the room on the machine that this is called on."""
    with local_executor(configuration) as executor:
        return executor.room()


def local_executor(configuration: Configuration) -> LocalExecutor:
    """Return the executor of a Dask worker's machine, which finds its own plugins and cores."""
    blocked = configuration.no_plugin
    environment = WorkerEnvironment(load(blocked), machine(configuration.threads), blocked)
    return LocalExecutor.configured(environment, configuration)
