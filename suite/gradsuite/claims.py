"""Claims: sentences that a measurement can prove wrong."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Relation = Literal["=", "<=", ">="]


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence with its source, the value it expects and what a backend measured.

    It holds if the measured value is equal to (`=`), at most (`<=`) or at least (`>=`) the expected one, give or take
    the tolerance, which is derived from the law's own variance or from the precision. NaN never holds.
    """

    experiment: str
    backend: str
    sentence: str
    source: str
    expected: float
    measured: float
    tolerance: float
    relation: Relation = "="

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
        """Return all of it by name, the verdict too; numbers as Python's own, for SQLite keeps NumPy's as bytes."""
        numbers = {name: float(getattr(self, name)) for name in ("expected", "measured", "tolerance")}
        return {**asdict(self), **numbers, "verdict": self.verdict}


def decisive(claims: Iterable[Claim]) -> list[Claim]:
    """Return one claim a sentence and backend: what is said of many settings stands or falls with the worst of them."""
    said: dict[tuple[str, str, str], Claim] = {}
    for claim in claims:
        key = (claim.experiment, claim.sentence, claim.backend)
        said[key] = max(said.get(key, claim), claim, key=lambda either: either.strain)
    return list(said.values())
