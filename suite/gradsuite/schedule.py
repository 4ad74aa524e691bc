"""How a pass is split over time: all at once, in truncated windows, in checkpointed segments, or by a scan."""

from dataclasses import dataclass, fields
from numbers import Integral

from gradsuite.cells import Linear, find
from gradsuite.errors import UserError, unknown
from gradsuite.model import Model

SCANS = ("loop", "serial", "parallel")


@dataclass(frozen=True, slots=True)
class Schedule:
    """A backward pass over the whole sequence, unless one of these is given; hashable, so that it can be compiled.

    `truncation` (k1, k2): every k1 steps, counted back from the last, the losses of those k1 steps are backpropagated
    through at most k2 steps (Williams & Peng 1990; Sutskever 2013, sec. 2.8.6). `checkpoint` n: the states of every
    n-th step are kept and the others computed again on the way back (Chen et al. 2016, sec. 4). `scan`, for cells that
    are linear in their state: `loop` computes one step after another; the others compute all that does not depend on
    the states for all steps at once, and the states by a scan that is `serial`, or `parallel` (Blelloch 1990). Without
    it a backend takes what was measured to be the fastest.

    Raises UserError unless 1 <= k1 <= k2 and 1 <= n, for a scan that is none of the three, and if more than one is
    given.
    """

    truncation: tuple[int, int] | None = None
    checkpoint: int | None = None
    scan: str | None = None

    def __post_init__(self) -> None:
        if self.truncation is not None and self.checkpoint is not None:
            raise UserError("give truncation or checkpoint, not both: a truncated pass keeps at most k2 steps anyway")
        if self.truncation is not None and not _is_window(self.truncation):
            raise UserError(f"truncation must be a pair (k1, k2) of steps with 1 <= k1 <= k2, not {self.truncation!r}")
        if self.checkpoint is not None and not _is_count(self.checkpoint):
            raise UserError(f"checkpoint must be a whole number of steps, at least 1, not {self.checkpoint!r}")
        if self.scan is not None:
            if self.scan not in SCANS:
                raise unknown("scan", self.scan, SCANS)
            if len(self.features) > 1:
                raise UserError(f"give scan or {self.features[0]}, not both: a scan walks the whole sequence")

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features that a backend needs for this schedule; none for the whole sequence."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name) is not None)

    def check(self, model: Model) -> None:
        """Raise UserError if the model has no time steps to split, or none that a scan computes."""
        if self.features and not model.recurrent:
            raise UserError(f"{self.features[0]} is for recurrent cells, not for {model.cell}")
        if self.scan is not None and not isinstance(find(model.cell), Linear):
            raise UserError(f"scan is for cells that are linear in their state, not for {model.cell}")


def _is_count(value: object) -> bool:
    return isinstance(value, Integral) and int(value) >= 1


def _is_window(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(map(_is_count, value)) and value[0] <= value[1]
