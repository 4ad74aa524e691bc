"""What an executor is: it describes backends and runs trials, somewhere."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from gradsuite.backend import BackendInfo
from gradsuite.experiment import Result, Trial

Group = Sequence[Trial]  # one setting of one experiment, on each backend


class Executor(ABC):
    """Runs trials in worker processes. A context manager: leaving it ends them all."""

    @abstractmethod
    def describe(self, backends: Sequence[str]) -> dict[str, BackendInfo | str]:
        """Return what each backend says of itself, or why it cannot be had."""

    @abstractmethod
    def preflight(self, backends: Sequence[str], device: str, cells: Sequence[str]) -> dict[str, str]:
        """Return what is wrong with the gradients of each of these backends, for those where something is."""

    @abstractmethod
    def run(self, groups: Iterable[Group]) -> Iterator[tuple[Trial, Result]]:
        """Yield each trial as it is finished. A trial may fail in any way and costs only itself."""

    @abstractmethod
    def machine(self) -> Mapping[str, Any]:
        """Return the facts about the computer that trials are run on."""

    @abstractmethod
    def close(self) -> None:
        """End every worker."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
