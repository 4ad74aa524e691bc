"""What came out of a training: its curve, its score on test beside simple answers, and where it was trained."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradsuite.description import BackendInfo
from gradsuite.errors import UserError
from gradsuite.training.asked import Asked
from gradsuite.training.curve import Curve

COLUMNS = ("gradient_norm", "horizon", "score", "rate", "seconds")  # of a look, beside step and loss


@dataclass(frozen=True, slots=True)
class Begun:
    """What is known before the first step: what is learnt, by what it is scored, and what simple answers score on test.

    `split` is what looks are scored on, `parameters` how many numbers the network learns. `versions` are the backend's,
    `versions_before` those that a resumed training was begun with.
    """

    task: str
    split: str
    score: Mapping[str, Any]
    goal: float | None
    length: int
    summary: str
    source: str
    baselines: Mapping[str, float]
    parameters: int
    versions: Mapping[str, str]
    versions_before: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A training that has ended. `seconds` were spent on steps; `test` is None where there is nothing to score."""

    asked: Asked
    begun: Begun
    curve: Curve
    seconds: float
    test: float | None
    info: BackendInfo
    machine: Mapping[str, Any]

    @property
    def title(self) -> str:
        """What was trained, on what."""
        asked = self.asked
        layers = f"{asked.num_layers} layers of " if asked.num_layers > 1 else ""
        return (
            f"{without_folder(self.begun.task)}: {asked.cell} with {layers}{asked.hidden_size} units on {asked.backend}"
        )

    @property
    def headline(self) -> str:
        """How it ended."""
        steps, begun = f"{self.curve.steps:,}", self.begun
        if self.curve.end == "diverged":
            return f"diverged at step {steps}: the loss there is {self.curve.losses[-1]:g}"
        if self.curve.end == "solved":
            scored = f"{begun.score['name']} {self.curve.looks[-1].score:.4g} on {begun.split}"
            return f"solved at step {steps} of {self.asked.steps:,}: {scored}"
        return f"{steps} steps taken" + ("" if begun.goal is None else f", the goal of {begun.goal:g} not reached")

    @property
    def pace(self) -> float:
        """Examples per second of training, looks not counted."""
        return self.curve.steps * self.asked.batch_size / self.seconds if self.seconds else float("nan")

    @property
    def scores(self) -> list[tuple[str, float]]:
        """The score on test of the trained network and of simple answers, the best first."""
        scores = [
            *self.begun.baselines.items(),
            *([] if self.test is None else [(f"this {self.asked.cell}", self.test)]),
        ]
        return sorted(scores, key=lambda one: one[1], reverse=self.begun.score["higher"])

    def summary(self) -> list[str]:
        """Return what a terminal shows at the end, line by line."""
        lines = [self.title, f"{self.headline} ({self.seconds:.1f} s of steps, {self.pace:,.0f} examples per second)"]
        if self.test is not None:
            lines.append(f"{self.begun.score['name']} on test:")
            width = max(len(name) for name, _ in self.scores)
            lines += [f"  {name.ljust(width)}  {value:.4g}" for name, value in self.scores]
        return lines


def without_folder(task: str) -> str:
    """Return a task's name in which a file has no folder: a page says nothing of where it was made."""
    scheme, colon, rest = task.partition(":")
    file, mark, options = rest.rpartition("?")
    return f"{scheme}:{Path(file if mark else rest).name}{mark}{options if mark else ''}" if colon else task


def write_curve(outcome: Outcome, path: Path) -> None:
    """Write a row for every step: step and loss, and at looks what they saw. Raises UserError if it fails."""
    looks = {look.step: look for look in outcome.curve.looks}
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(("step", "loss", *COLUMNS))
            for step, loss in enumerate(outcome.curve.losses, 1):
                look = looks.get(step)
                table.writerow((step, loss, *(getattr(look, name) if look else "" for name in COLUMNS)))
    except OSError as error:
        raise UserError(f"cannot write {str(path)!r}: {error.strerror}") from error
