"""Learning rates over a training: each is a factor of the optimizer's own, by the step."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from gradsuite.errors import unknown


class Rate(ABC):
    """A factor of the learning rate for every step."""

    @abstractmethod
    def factor(self, step: int) -> float:
        """Return the factor of a step, counted from 0."""


@dataclass(frozen=True, slots=True)
class Constant(Rate):
    """The same learning rate at every step."""

    def factor(self, step: int) -> float:
        """Return 1."""
        return 1.0


def rate(text: str) -> Rate:
    """Return the rate of this name. Raises UserError if there is none."""
    if text != "constant":
        raise unknown("rate", text, ["constant"])
    return Constant()
