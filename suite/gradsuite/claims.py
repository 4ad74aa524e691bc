"""Claims: sentences that a measurement can prove wrong."""

import math
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self

Relation = Literal["=", "<=", ">="]
NAME = re.compile(r"[a-z0-9][a-z0-9.-]*(/[a-z0-9][a-z0-9.-]*)+")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a claim comes from: the paper and equation, or how it follows.

    `checked` says whether the sentence or formula was read there; a source known from other texts alone is marked in
    the report.
    """

    text: str
    checked: bool = True


@dataclass(frozen=True, slots=True)
class Resolution:
    """The smallest fault that a claim is sure to notice: `size`, relative, in `quantity`.

    `Resolution(0.02, "the state gradient's factor per step")` says that a factor off by 2%, either way, turns the claim
    red. A measurement without a fault may be one tolerance off on one side already, so a fault is sure to be noticed
    once it moves the measurement by two tolerances.
    """

    size: float
    quantity: str

    @classmethod
    def linear(cls, expected: float, tolerance: float, quantity: str) -> Self:
        """Return that of a claim about a value in which the fault is a factor, or of a relative error (expected: 0)."""
        return cls(2.0 * tolerance / (abs(expected) or 1.0), quantity)

    @classmethod
    def logarithmic(cls, tolerance: float, quantity: str, *, power: float = 1.0) -> Self:
        """Return that of a claim about `power` times the logarithm of what the fault is a factor of."""
        return cls(math.expm1(2.0 * tolerance / power), quantity)

    def __str__(self) -> str:
        """Return it as a claim's reader sees it: '1.2% in the gradient'; '' for a claim that an older run stored."""
        if math.isnan(self.size):
            return ""
        percent = 100.0 * self.size
        return f"{percent:.2g}% in {self.quantity}" if percent < 100.0 else f"{percent:.0f}% in {self.quantity}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A sentence with its source, the value it expects and what a backend measured.

    It holds if the measured value is equal to (`=`), at most (`<=`) or at least (`>=`) the expected one, give or take
    the tolerance, which is derived from the law's own variance or from the precision. NaN never holds. `resolution` is
    the smallest fault that turns it red; the tests plant a fault of that size.

    `name` is `EXPERIMENT/CLAIM`, with further parts for claims made of several settings (`gates/half-life/lstm/2`):
    unique, and stable while the sentence may change. Raises ValueError for a name of another form.
    """

    name: str
    backend: str
    sentence: str
    source: Source
    expected: float
    measured: float
    tolerance: float
    resolution: Resolution
    relation: Relation = "="

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"a claim's name is EXPERIMENT/CLAIM in small letters, digits, '.' and '-': {self.name!r}")

    @property
    def experiment(self) -> str:
        """The experiment that makes this claim: the first part of its name."""
        return self.name.partition("/")[0]

    @property
    def strain(self) -> float:
        """How far the measured value is on the wrong side of the expected one, in tolerances: 1 is the most allowed."""
        excess = 0.0 if self.measured == self.expected else self.measured - self.expected  # infinities are equal too
        if math.isnan(excess):
            return math.inf
        distance = {"=": abs(excess), "<=": max(excess, 0.0), ">=": max(-excess, 0.0)}[self.relation]
        if distance == 0.0:
            return 0.0
        return distance / self.tolerance if self.tolerance else math.inf

    @property
    def verdict(self) -> str:
        """`holds` or `fails`."""
        return "holds" if self.strain <= 1.0 else "fails"

    def row(self) -> dict[str, Any]:
        """Return all of it by column; numbers as Python's own, for SQLite keeps NumPy's as bytes."""
        numbers = {name: float(getattr(self, name)) for name in ("expected", "measured", "tolerance")}
        source = {"source": self.source.text, "checked": self.source.checked}
        resolution = {"resolution": float(self.resolution.size), "quantity": self.resolution.quantity}
        judged = {"experiment": self.experiment, "verdict": self.verdict}
        return {**asdict(self), **source, **numbers, **resolution, **judged}


def decisive(claims: Iterable[Claim]) -> list[Claim]:
    """Return one claim per name and backend: what is said of many settings stands or falls with the worst of them.

    It notices what any of them notices: the smallest size is its resolution. Raises ValueError if one name is given to
    two sentences.
    """
    worst: dict[tuple[str, str], Claim] = {}
    sentences: dict[str, str] = {}
    for claim in claims:
        if sentences.setdefault(claim.name, claim.sentence) != claim.sentence:
            raise ValueError(f"two claims are called {claim.name!r}: {sentences[claim.name]!r} and {claim.sentence!r}")
        key = (claim.name, claim.backend)
        known = worst.get(key, claim)
        finest = min(known.resolution, claim.resolution, key=lambda resolution: resolution.size)
        worst[key] = replace(max(known, claim, key=lambda candidate: candidate.strain), resolution=finest)
    return list(worst.values())
