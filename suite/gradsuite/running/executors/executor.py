"""What an executor is: it describes backends and runs cells, somewhere."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from gradsuite.backend import BackendInfo
from gradsuite.experiment import Cell
from gradsuite.result import Result

Group = Sequence[Cell]  # one setting of one experiment, on each backend


class Executor(ABC):
    """Runs cells in worker processes. A context manager: leaving it ends them all."""

    @abstractmethod
    def describe(self, backends: Sequence[str]) -> dict[str, BackendInfo | str]:
        """Return what each backend says of itself, or why it cannot be had."""

    @abstractmethod
    def run(self, groups: Iterable[Group]) -> Iterator[tuple[Cell, Result]]:
        """Yield each cell as it is finished. A cell may fail in any way and costs only itself."""

    @abstractmethod
    def machine(self) -> Mapping[str, Any]:
        """Return the facts about the computer that cells are run on."""

    @abstractmethod
    def close(self) -> None:
        """End every worker."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
