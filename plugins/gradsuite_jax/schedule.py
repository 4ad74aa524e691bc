"""How backward is split over time: all at once, in checkpointed segments, or in truncated windows."""

from dataclasses import dataclass

from gradsuite.errors import UserError


@dataclass(frozen=True, slots=True)
class Schedule:
    """All at once if neither is given; hashable, so that one program is compiled for each.

    `checkpoint` n keeps the states of every n-th step only and recomputes what is between (Chen et al. 2016, sec. 4).
    `truncation` (k1, k2): after every k1 steps, counted back from the last, the losses of those k1 steps go back
    through at most k2 steps (Williams & Peng 1990; Sutskever 2013, sec. 2.8.6). Raises UserError for other numbers
    than 1 <= n and 1 <= k1 <= k2, or for both.
    """

    truncation: tuple[int, int] | None = None
    checkpoint: int | None = None

    def __post_init__(self) -> None:
        if self.truncation is not None and self.checkpoint is not None:
            raise UserError("give one of checkpoint and truncation, not both")
        if self.checkpoint is not None and self.checkpoint < 1:
            raise UserError(f"checkpoint must be at least 1 step, not {self.checkpoint}")
        if self.truncation is not None and not 1 <= self.truncation[0] <= self.truncation[1]:
            raise UserError(f"truncation must be (k1, k2) with 1 <= k1 <= k2, not {self.truncation}")
