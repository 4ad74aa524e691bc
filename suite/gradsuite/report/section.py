"""An experiment's part of the report: what it found, its figures, tables and claims."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradsuite.claims import Claim
from gradsuite.experiment import STATUSES, Answer, Experiment, Figure, Table
from gradsuite.report import style
from gradsuite.report.palette import backend_order
from gradsuite.report.pictures import Picture, save
from gradsuite.report.verdicts import Judged, judged
from gradsuite.topic import Topic

if TYPE_CHECKING:
    import pandas as pd


@dataclass(slots=True)
class Section:
    """What the page says of one experiment; `troubles` are the parts that could not be made, and why."""

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


def told(
    experiment: Experiment, rows: "pd.DataFrame", claims: list[Claim], trials: "pd.DataFrame", tag: str = ""
) -> Section:
    """Return what an experiment answers, and its claims as they were judged.

    An experiment's own code may fail on the rows that it is given: that costs that part of its section alone. `tag`
    ends its name and its figures', where the rows are a part of the run's.
    """
    made = Section(experiment.name + tag, experiment.question, experiment.topic, count(trials), claims=claims)
    if "ok" in made.statuses:
        made.answers = made_of(lambda: experiment.answers(rows, claims), "answers", made.troubles)
    return made


def section(
    experiment: Experiment,
    rows: "pd.DataFrame",
    claims: list[Claim],
    trials: "pd.DataFrame",
    folder: Path,
    tag: str = "",
) -> Section:
    """Return an experiment's section with all that it finds; its figures are written into the folder too."""
    made = told(experiment, rows, claims, trials, tag)
    made.findings = made_of(lambda: experiment.findings(rows, claims), "findings", made.troubles)
    with style.context():
        figures: list[Figure] = made_of(lambda: experiment.figures(rows, claims), "figures", made.troubles)
        for figure in figures:
            name = figure_name(experiment.name, figure) + tag
            made.pictures += made_of(lambda: iter([save(figure, folder, name)]), f"figure {name}", made.troubles)  # noqa: B023
    made.tables = made_of(lambda: experiment.tables(rows, claims), "tables", made.troubles)
    return made


def figure_name(experiment: str, figure: Figure) -> str:
    """Return what a run calls a figure: its name, which begins with its experiment's."""
    return figure.name if figure.name.startswith(experiment) else f"{experiment}-{figure.name}"


def missing(name: str, reason: str, trials: "pd.DataFrame") -> Section:
    """Return the section of an experiment that is not installed where the report is made."""
    return Section(name, "", Topic.OTHER, count(trials), troubles=[f"This experiment cannot be loaded here: {reason}"])


def count(trials: "pd.DataFrame") -> dict[str, int]:
    """Return how many trials have each status, those that there are."""
    counted = Counter(trials["status"])
    return {status: counted[status] for status in STATUSES if counted[status]}


def made_of(make: Callable[[], Iterator[Any]], what: str, troubles: list[str]) -> list[Any]:
    """Return what an experiment yields, as far as it comes; what stopped it joins the troubles."""
    made: list[Any] = []
    try:
        made.extend(make())
    except Exception as error:  # noqa: BLE001  an experiment is anyone's code
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        troubles.append(f"Its {what} could not be made: {reason}")
    return made
