"""An experiment's part of the report: what it found, its figures, tables and claims."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradsuite.claims import Claim
from gradsuite.experiment import STATUSES, Experiment, Figure, Table
from gradsuite.report import style
from gradsuite.report.palette import backend_order
from gradsuite.report.pictures import Picture, save

if TYPE_CHECKING:
    import pandas as pd


@dataclass(slots=True)
class Section:
    """What the page says of one experiment; `troubles` are the parts that could not be made, and why."""

    name: str
    question: str
    statuses: Mapping[str, int]
    findings: list[str] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    @property
    def judged(self) -> list[tuple[Claim, dict[str, Claim]]]:
        """Each claim once, with what each backend measured; those that fail somewhere first."""
        by_name: dict[str, dict[str, Claim]] = {}
        for claim in self.claims:
            by_name.setdefault(claim.name, {})[claim.backend] = claim
        rows = [(next(iter(by_backend.values())), by_backend) for by_backend in by_name.values()]
        return sorted(rows, key=lambda row: all(claim.verdict == "holds" for claim in row[1].values()))

    @property
    def judges(self) -> list[str]:
        """The backends that claims were checked on."""
        return backend_order([claim.backend for claim in self.claims])


def section(
    experiment: Experiment,
    rows: "pd.DataFrame",
    claims: list[Claim],
    trials: "pd.DataFrame",
    folder: Path,
    tag: str = "",
) -> Section:
    """Return an experiment's section, its claims as they were judged; its figures are written into the folder.

    An experiment's own code may fail on the rows that it is given: that costs that part of its section alone. `tag`
    ends its name and its figures', where the rows are a part of the run's.
    """
    made = Section(experiment.name + tag, experiment.question, count(trials), claims=claims)
    with style.context():
        made.findings = made_of(lambda: experiment.findings(rows, claims), "findings", made.troubles)
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
    return Section(name, "", count(trials), troubles=[f"This experiment cannot be loaded here: {reason}"])


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
