"""What an executor is: it describes backends and runs trials, somewhere."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from gradsuite.backend import BackendInfo
from gradsuite.errors import UserError
from gradsuite.experiment import Result, Trial
from gradsuite.running.executors.lanes import Meanwhile, idle
from gradsuite.running.room import Room

Say = Callable[[str], None]
Known = Callable[[Trial], Result | None]
Group = Sequence[Trial]  # one setting of one experiment, on each backend


def unknown(trial: Trial) -> Result | None:
    """Know the result of no trial."""
    return None


def quiet(line: str) -> None:
    """Say nothing."""


class Halted(UserError):
    """Nothing more can be run; what has been is kept. The message says why."""


class Executor(ABC):
    """Runs trials in worker processes. A context manager: leaving it ends them all."""

    @abstractmethod
    def describe(self, backends: Sequence[str]) -> dict[str, BackendInfo | str]:
        """Return what each backend says of itself, or why it cannot be had."""

    @abstractmethod
    def preflight(self, backends: Sequence[str], device: str, cells: Sequence[str]) -> dict[str, str]:
        """Return what is wrong with the gradients of each of these backends, for those where something is."""

    @abstractmethod
    def run(
        self, groups: Iterable[Group], known: Known = unknown, meanwhile: Meanwhile = idle
    ) -> Iterator[tuple[Trial, Result]]:
        """Yield each trial as it is finished. A trial may fail in any way and costs only itself.

        `known` is asked just before a trial would begin, and returns its result if it need not be measured. What is to
        be done `meanwhile`, on this computer, may be done where a core of it has nothing to measure, or not at all.
        """

    @abstractmethod
    def room(self) -> Room:
        """Return how much memory a trial may take where it is run."""

    @abstractmethod
    def machine(self) -> Mapping[str, Any]:
        """Return the facts about the computer that trials are run on."""

    def machines(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the facts about each computer by its name, where results say which one they are of."""
        return {}

    @abstractmethod
    def close(self) -> None:
        """End every worker."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
