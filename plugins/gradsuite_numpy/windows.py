"""Which stretches of time backward walks: all at once, in checkpointed segments, or in truncated windows."""

from dataclasses import dataclass
from itertools import pairwise

from gradsuite.errors import UserError


@dataclass(frozen=True, slots=True)
class Window:
    """Steps [start, end) are walked back, from the losses of steps [losses, end)."""

    start: int
    losses: int
    end: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """How backward is split over time; all at once if neither is given.

    `checkpoint` n keeps the states of every n-th step only and recomputes what is between (Chen et al. 2016, sec. 4).
    `truncation` (k1, k2): after every k1 steps, counted back from the last, the losses of those k1 steps go back
    through at most k2 steps (Williams & Peng 1990; Sutskever 2013, sec. 2.8.6). Raises UserError for other numbers
    than 1 <= n and 1 <= k1 <= k2, or for both.
    """

    checkpoint: int | None = None
    truncation: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.checkpoint is not None and self.truncation is not None:
            raise UserError(
                "give one of checkpoint and truncation: a truncated pass keeps no more than k2 steps anyway"
            )
        if self.checkpoint is not None and self.checkpoint < 1:
            raise UserError(f"checkpoint must be at least 1 step, not {self.checkpoint}")
        if self.truncation is not None and not 1 <= self.truncation[0] <= self.truncation[1]:
            raise UserError(f"truncation must be (k1, k2) with 1 <= k1 <= k2, not {self.truncation}")

    @property
    def carries(self) -> bool:
        """Whether the gradient flows on from one window into the one before."""
        return self.truncation is None

    def windows(self, length: int, *, every_step_has_a_loss: bool) -> list[Window]:
        """Return the windows of `length` steps, in the order of time."""
        if self.truncation is not None:
            k1, k2 = self.truncation
            ends = range(length, 0 if every_step_has_a_loss else length - 1, -k1)
            return [Window(max(end - k2, 0), max(end - k1, 0), end) for end in reversed(ends)]
        n = self.checkpoint or length
        return [Window(start, start, min(start + n, length)) for start in range(0, length, n)]


def stretches(windows: list[Window]) -> list[tuple[int, int]]:
    """Return how forward is cut, [start, end) each: at every window's start, and no piece longer than a window.

    The last piece is the last window.
    """
    longest = max(window.end - window.start for window in windows)
    marks = sorted({0, *(window.start for window in windows)})
    cuts = [cut for mark, following in pairwise(marks) for cut in range(mark, following, longest)]
    return list(pairwise([*cuts, marks[-1], windows[-1].end]))
