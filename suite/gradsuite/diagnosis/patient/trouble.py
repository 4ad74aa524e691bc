"""The first number of a step that is not finite."""

from dataclasses import dataclass
from typing import Literal

# `loss or backward` is what a watch says that was not told the loss: there is no telling which.
Stage = Literal["data", "forward", "loss", "backward", "loss or backward"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """The first number that is not finite: in which stage of a step it comes up, and where."""

    stage: Stage
    place: str  # in words: "input 3 of sequence 7 at step 12", "layer 1 at step 40"; empty where nobody can say
    step: int | None = None
    layer: int | None = None
