"""The stretches of time that a backward pass walks one after another, as its schedule says."""

from dataclasses import dataclass
from itertools import pairwise

from gradsuite.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Window:
    """Steps [start, end) are walked back, from the losses of steps [losses, end)."""

    start: int
    losses: int
    end: int


def windows(schedule: Schedule, length: int, *, every_step_has_a_loss: bool) -> list[Window]:
    """Return the windows of a sequence of `length` steps, in the order of time."""
    if schedule.truncation is not None:
        k1, k2 = schedule.truncation
        ends = range(length, 0 if every_step_has_a_loss else length - 1, -k1)
        return [Window(max(end - k2, 0), max(end - k1, 0), end) for end in reversed(ends)]
    n = schedule.checkpoint or length
    return [Window(start, start, min(start + n, length)) for start in range(0, length, n)]


def stretches(windows: list[Window]) -> list[tuple[int, int]]:
    """Return how forward is cut, [start, end) each: at every window's start, and no piece longer than a window.

    The last piece is the last window.
    """
    longest = max(window.end - window.start for window in windows)
    marks = sorted({0, *(window.start for window in windows)})
    cuts = [cut for mark, following in pairwise(marks) for cut in range(mark, following, longest)]
    return list(pairwise([*cuts, marks[-1], windows[-1].end]))
