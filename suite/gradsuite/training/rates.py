"""Learning rates over a training: each is a factor of the optimizer's own, by the step."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from math import cos, pi
from typing import TypeVar

from gradsuite.errors import UserError, quoted

N = TypeVar("N", int, float)
ALLOWED = "constant, cosine, step:EVERY:FACTOR, warmup:STEPS or warmup:STEPS+RATE, such as warmup:100+cosine"


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


@dataclass(frozen=True, slots=True)
class Cosine(Rate):
    """Half a cosine (Loshchilov & Hutter 2017, without restarts): from 1 at step 0 to 0 at step `steps` and after."""

    steps: int

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise UserError(f"a cosine must have at least 1 step, not {self.steps}")

    def factor(self, step: int) -> float:
        """Return (1 + cos(pi step / steps)) / 2."""
        return (1 + cos(pi * min(step, self.steps) / self.steps)) / 2


@dataclass(frozen=True, slots=True)
class Step(Rate):
    """A stair: multiplied by `by` after every `every` steps."""

    every: int
    by: float

    def __post_init__(self) -> None:
        if self.every < 1:
            raise UserError(f"a stair must have at least 1 step between changes, not {self.every}")
        if not 0 < self.by <= 1:
            raise UserError(f"the factor of a stair must be above 0 and at most 1, not {self.by}")

    def factor(self, step: int) -> float:
        """Return by^(step // every)."""
        return float(self.by ** (step // self.every))


@dataclass(frozen=True, slots=True)
class Warmup(Rate):
    """A line from 1/steps to 1 over the first `steps` steps; `then` another rate, which counts from 0 after them."""

    steps: int
    then: Rate = field(default_factory=Constant)

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise UserError(f"a warm-up must have at least 1 step, not {self.steps}")

    def factor(self, step: int) -> float:
        """Return (step + 1) / steps, then the other rate's factor."""
        return (step + 1) / self.steps if step < self.steps else self.then.factor(step - self.steps)


def rate(text: str, steps: int) -> Rate:
    """Return the rate that a command line names, for a training of `steps` steps: a cosine ends with it.

    Raises UserError for a text that names none, and for numbers out of range.
    """
    first, more, rest = text.partition("+")
    name, *numbers = first.split(":")
    match name, numbers, bool(more):
        case "constant", [], False:
            return Constant()
        case "cosine", [], False:
            return Cosine(steps)
        case "step", [every, by], False:
            return Step(_number(int, every, text), _number(float, by, text))
        case "warmup", [count], False:
            return Warmup(_number(int, count, text))
        case "warmup", [count], True:
            warm = _number(int, count, text)
            if warm >= steps:
                raise UserError(f"a warm-up of {warm} steps must end before the training does, after {steps}")
            return Warmup(warm, rate(rest, steps - warm))
    raise UserError(f"rate must be {ALLOWED}, not {quoted(text)}")


def _number(kind: Callable[[str], N], text: str, of: str) -> N:
    try:
        return kind(text)
    except ValueError:
        raise UserError(f"rate must be {ALLOWED}, not {quoted(of)}: {quoted(text)} is no number") from None
