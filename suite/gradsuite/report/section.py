"""An experiment's part of the report: what it found, its figures, tables and claims."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gradsuite.claims import Claim
from gradsuite.experiment import STATUSES, Answer, Table
from gradsuite.report.palette import backend_order
from gradsuite.report.picture import Picture
from gradsuite.report.verdicts import Judged, judged
from gradsuite.topic import Topic

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Data:
    """What an experiment measured, as a compressed file: nothing in it if these are too many rows."""

    rows: int = 0
    packed: bytes = b""


@dataclass(slots=True)
class Section:
    """What the page says of one experiment; `troubles` are the parts that could not be made, and why.

    Its claims are `judged` if they were judged anew for it; else they are those that the run has.
    """

    name: str
    question: str
    topic: Topic
    statuses: Mapping[str, int]
    answers: list[Answer] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    judged: bool = False
    data: Data = Data()

    @property
    def further(self) -> list[str]:
        """The findings that are no answers: those the page has said already, in larger letters."""
        said = {answer.sentence for answer in self.answers}
        return [finding for finding in self.findings if finding not in said]

    @property
    def held(self) -> int:
        """How many claims hold."""
        return sum(claim.verdict == "holds" for claim in self.claims)

    @property
    def failing(self) -> list[Judged]:
        """The claims that fail on some backend."""
        return [one for one in judged(self.claims) if not one.holds]

    @property
    def holding(self) -> list[Judged]:
        """The claims that hold on every backend that measured them."""
        return [one for one in judged(self.claims) if one.holds]

    @property
    def judges(self) -> list[str]:
        """The backends that claims were checked on."""
        return backend_order([claim.backend for claim in self.claims])


def missing(name: str, trouble: str, trials: "pd.DataFrame") -> Section:
    """Return the section of an experiment that cannot make one itself, with the reason."""
    return Section(name, "", Topic.OTHER, count(trials), troubles=[trouble])


def count(trials: "pd.DataFrame") -> dict[str, int]:
    """Return how many trials have each status, those that there are."""
    counted = Counter(trials["status"])
    return {status: counted[status] for status in STATUSES if counted[status]}
