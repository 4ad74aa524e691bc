"""Which stretches of time backward walks: all at once, in checkpointed segments, or in truncated windows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """Steps [start, end) are walked back, from the losses of steps [losses, end)."""

    start: int
    losses: int
    end: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """How backward is split.

    `checkpoint` n keeps states every n steps only and recomputes what is between (Chen et al. 2016, sec. 4).
    `truncation` (k1, k2): after every k1 steps, counted back from the last, the losses of those k1 steps go back
    through at most k2 steps (Williams & Peng 1990; Sutskever 2013, sec. 2.8.6).
    """

    checkpoint: int | None = None
    truncation: tuple[int, int] | None = None

    @property
    def carries(self) -> bool:
        """Whether the gradient flows on from one window into the one before."""
        return self.truncation is None

    def windows(self, length: int, *, every_step_has_a_loss: bool) -> list[Window]:
        """Return the windows of `length` steps, in the order of time."""
        if self.truncation is not None:
            k1, k2 = self.truncation
            first = 0 if every_step_has_a_loss else length - 1
            ends = range(length, first, -k1)
            return [Window(max(end - k2, 0), max(end - k1, 0), end) for end in reversed(ends)]
        n = self.checkpoint or length
        return [Window(start, start, min(start + n, length)) for start in range(0, length, n)]

    def stretches(self, windows: list[Window]) -> list[tuple[int, int]]:
        """Return how forward is cut, [start, end) each: at every window's start; no piece longer than a window."""
        longest = max(window.end - window.start for window in windows)
        cuts = sorted({0, *(window.start for window in windows)})
        cuts = [cut for a, b in zip(cuts, [*cuts[1:], cuts[-1] + 1], strict=True) for cut in range(a, b, longest)]
        return list(zip(cuts, [*cuts[1:], windows[-1].end], strict=True))
