"""What a training shows while it goes on: one live line on a terminal, or a line for a look where there is none."""

import time
from typing import Self, TextIO

from gradsuite.running.line import Line
from gradsuite.running.training import Place
from gradsuite.training.asked import Asked
from gradsuite.training.curve import Look
from gradsuite.training.outcome import Begun

QUIET = 2.0  # seconds between plain lines


class Watching:
    """Shows where a training is, on a stream; a `quiet` one says only what is said to it."""

    def __init__(self, stream: TextIO, asked: Asked, *, quiet: bool = False) -> None:
        self.line = Line(stream)
        self.line.there = self.line.there and not quiet
        self.quiet = quiet
        self.steps = asked.steps
        self.look: Look | None = None
        self.split = ""
        self.started, self.first = time.monotonic(), 0
        self.last = float("-inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.line.clear()

    def begin(self, begun: Begun, step: int) -> None:
        """Count the time left from here."""
        self.split, self.started, self.first = begun.split, time.monotonic(), step

    def show(self, place: Place) -> None:
        """Show where the training is."""
        self.look = place.look or self.look
        text = self.text(place)
        self.line.show(text)
        now = time.monotonic()
        if self.quiet or self.line.there or not place.look:
            return
        if now - self.last >= QUIET or place.step == self.steps:
            self.last = now
            self.say(text)

    def say(self, text: str) -> None:
        """Write a line that stays."""
        self.line.clear()
        self.line.stream.write(text + "\n")
        self.line.stream.flush()

    def text(self, place: Place) -> str:
        """Return step, loss, what the last look saw, examples per second, and the time left, in one line."""
        parts = [f"step {place.step}/{self.steps}", f"loss {place.loss:.4g}"]
        if self.look:
            parts += [f"gradient {self.look.gradient_norm:.3g}"]
            parts += [f"horizon {self.look.horizon:.0f}"] if self.look.horizon == self.look.horizon else []
            parts += [f"{self.split} {self.look.score:.4g}"]
        taken = place.step - self.first
        left = (time.monotonic() - self.started) / taken * (self.steps - place.step) if taken else float("nan")
        return "  ".join([*parts, f"{place.pace:,.0f} examples/s", f"{clock(left)} left"])


def clock(seconds: float) -> str:
    """Return a time as 0:07, 12:34 or 1:02:03, or ? where it is not known."""
    if seconds != seconds:
        return "?"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
