"""What is seen of a training: the loss of every step, and what is looked at now and then."""

from dataclasses import dataclass, field
from math import isfinite
from typing import Literal

End = Literal["running", "done", "solved", "diverged"]


@dataclass(frozen=True, slots=True)
class Look:
    """A look at a training after `step` steps.

    `loss` is the mean over the steps since the look before, `gradient_norm` that of the last step's gradient, before
    clipping, and `horizon` the lag at which 1/1000 of its state gradient is left. `score` is that of the validation
    split, `rate` the learning rate, `seconds` the time spent on steps alone, without looks.
    """

    step: int
    loss: float
    gradient_norm: float
    horizon: float
    score: float
    rate: float
    seconds: float


@dataclass(slots=True)
class Curve:
    """Losses by step, and looks. `end` says how the training ended: `diverged` at the step that `steps` counts."""

    losses: list[float] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    end: End = "running"

    @property
    def steps(self) -> int:
        """Steps that were taken; one that diverged is the last."""
        return len(self.losses)

    def add(self, losses: list[float], bound: float) -> bool:
        """Note the losses of the next steps, up to the first that has diverged; return whether none has."""
        for loss in losses:
            self.losses.append(loss)
            if not isfinite(loss) or loss > bound:
                self.end = "diverged"
                return False
        return True
