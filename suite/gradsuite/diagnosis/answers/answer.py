"""What a diagnosis is made of: answers to questions, and the causes that they bring to light."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# From the first to look at to the last: what makes all other numbers meaningless; what keeps the gradient from being
# stored; what grows beyond all use; units that cannot learn; what closes the way back; and the length, which is long
# for all of these.
CAUSES = (
    "not-finite",
    "precision",
    "recurrent-weights",
    "dead-units",
    "forget-gate",
    "saturation",
    "small-weights",
    "reading",
    "length",
)


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that is wrong: its name, of CAUSES, and what was seen of it, in a sentence with its numbers."""

    name: str
    sentence: str

    @property
    def rank(self) -> int:
        """Its place among all causes, 0 for the first to look at."""
        return CAUSES.index(self.name)


@dataclass(frozen=True, slots=True)
class Answer:
    """A question with its answer in sentences, the frames that it was read off from, and the causes that it shows.

    `table` names the frame that stands under the sentences; figures are drawn from all of them. `advice` is what helps
    most, in a sentence, with its measured number; empty where nothing does.
    """

    question: str
    sentences: tuple[str, ...]
    frames: Mapping[str, "pd.DataFrame"] = field(default_factory=dict)
    causes: tuple[Cause, ...] = ()
    table: str | None = None
    advice: str = ""
