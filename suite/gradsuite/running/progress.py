"""What a run shows while it is going on: a bar with the time left, or plain lines where there is no terminal."""

import sys
import time
from collections.abc import Collection
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from gradsuite.experiment import FAILED, Result, Trial
from gradsuite.plain import plain_lines
from gradsuite.settings import settings_label

QUIET = 2.0  # seconds between plain lines, unless a trial failed
SETTLED = 10  # trials after which the time left is worth saying: the first ones compile and warm up
MEMORY = 3600.0  # seconds that the estimate of the time left looks back


class Progress:
    """Counts finished trials, on standard error."""

    def __init__(self, total: int, varied: Collection[str]) -> None:
        """Expect this many trials, and tell them apart by their backend and these settings."""
        self.total = total
        self.varied = varied
        self.done = 0
        self.began = self.last = time.monotonic()
        console = Console(file=sys.stderr)
        self.bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            speed_estimate_period=MEMORY,
            auto_refresh=False,  # drawing by the clock would take time from what is being measured
        )
        self.task = self.bar.add_task("starting", total=total)

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def advance(self, trial: Trial, result: Result) -> None:
        """Count one finished trial, and say so if it failed."""
        self.done += 1
        self.bar.update(self.task, advance=1, description=f"{trial.experiment} {trial.backend}")
        self.bar.refresh()
        now = time.monotonic()
        if result.status in FAILED:
            self._print(f"{result.status}: {self._label(trial)}: {result.reason}")
        elif self.bar.disable and (now - self.last >= QUIET or self.done == self.total):
            self.last = now
            left = (now - self.began) / self.done * (self.total - self.done)
            known = f", {left:.0f} s left" if self.done >= SETTLED else ""
            self._print(f"[{self.done}/{self.total}{known}] {self._label(trial)}")

    def _label(self, trial: Trial) -> str:
        varied = {name: value for name, value in trial.settings.items() if name in self.varied}
        return f"{trial.experiment} on {trial.backend} {settings_label(varied)}".rstrip()

    def _print(self, line: str) -> None:
        self.bar.console.print(plain_lines(line), markup=False, highlight=False, soft_wrap=True)


class Silent(Progress):
    """Counts finished trials and shows nothing, for a caller that reads the rows itself."""

    def _print(self, line: str) -> None:
        return

    def __enter__(self) -> Self:
        return self


class Thorough(Progress):
    """Says of every trial what became of it and how long it took, and of a failed one the end of what it printed."""

    def advance(self, trial: Trial, result: Result) -> None:
        """Count one finished trial, and say so."""
        self.done += 1
        self.bar.update(self.task, advance=1, description=f"{trial.experiment} {trial.backend}")
        self.bar.refresh()
        reason = f": {result.reason}" if result.reason else ""
        self._print(f"[{self.done}/{self.total}] {self._label(trial)}: {result.status}, {result.seconds:.2f} s{reason}")
        if result.status in FAILED and result.stderr.strip():
            self._print(result.stderr.rstrip())
