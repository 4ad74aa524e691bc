"""What an experiment makes of its rows: its claims, answers, findings, figures and tables.

An experiment's own code may fail on the rows that it is given, in any way: that costs the part of its section that it
came in, which says so.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from gradsuite.claims import decisive
from gradsuite.errors import one_line
from gradsuite.experiment import Experiment, Figure
from gradsuite.hosting.contained import Fault, contained
from gradsuite.report import received
from gradsuite.report.section import Section, count
from gradsuite.runs.store import Run

if TYPE_CHECKING:
    import pandas as pd

    from gradsuite.report.picture import Picture

T = TypeVar("T")
MOST = {"claims": 100_000, "answers": 100, "findings": 100, "figures": 100, "tables": 100}  # more are without end
TOLD = 3  # things of one part that were not what they must be: of more, the number is enough


class Maker:
    """Has one experiment make its section, part by part.

    Parts that took a process with them before are `lost`, with the reason: they are left out. `at` is told which part
    comes next.
    """

    def __init__(
        self,
        experiment: Experiment,
        run: Run,
        trials: "pd.DataFrame",
        lost: Mapping[str, str] = MappingProxyType({}),
        at: Callable[[str], None] = lambda part: None,
    ) -> None:
        """Take the run, or a part of it, and the experiment's trials in it."""
        self.experiment = experiment
        self.run = run
        self.rows = run.frame(experiment.name)
        self.lost = lost
        self.at = at
        self.section = Section(experiment.name + run.tag, experiment.question, experiment.topic, count(trials))

    def judge(self) -> None:
        """Judge the claims anew: all of them, or those that the run has stay."""
        troubles: list[str] = []
        claims = self._list("claims", lambda: self.experiment.claims(self.rows), self._claim, troubles)
        try:
            if not troubles:
                self.section.claims, self.section.judged = contained(decisive, claims), True
        except Fault as fault:
            troubles.append(f"Its claims could not be judged: {fault}")
        self.section.troubles += troubles

    def recall(self) -> None:
        """Take the claims as the run has them."""
        try:
            self.section.claims = self.run.claims_of(self.experiment.name)
        except ValueError as error:  # a stranger's run may have claims that are none
            self.section.troubles.append(f"Its claims cannot be read: {one_line(error)}")

    def tell(self) -> None:
        """Have it answer, if it measured something."""
        if "ok" in self.section.statuses:
            self.section.answers = self._part("answers", self.experiment.answers, received.answer)

    def attach(self) -> None:
        """Give the section its measurements as a file."""
        from gradsuite.report.attached import data  # of use in a page alone

        self.section.data = data(self.rows)

    def draw(self, folder: Path) -> None:
        """Have it find and draw all that it does, if it measured something; figures are written into the folder too."""
        if "ok" not in self.section.statuses:
            return
        self.section.findings = self._part("findings", self.experiment.findings, received.text)
        if has_figures(self.experiment):
            self.section.pictures = self._pictures(folder)
        self.section.tables = self._part("tables", self.experiment.tables, received.table)

    def _pictures(self, folder: Path) -> "list[Picture]":
        from gradsuite.report import style  # it imports seaborn, for which the rest of a section would wait

        names: set[str] = set()
        with style.context():
            return self._part("figures", self.experiment.figures, partial(self._save, folder, names))

    def _claim(self, made: Any) -> Any:
        return received.claim(self.experiment, made)

    def _save(self, folder: Path, names: set[str], made: Any) -> "Picture":
        from gradsuite.report.pictures import save

        figure = received.figure(made)
        name = figure_name(self.experiment.name, figure) + self.run.tag
        if name in names:
            raise ValueError(f"two figures are called {name!r}")
        names.add(name)
        return save(figure, folder, name)

    def _part(self, part: str, make: Callable[..., Iterable[Any]], check: Callable[[Any], T]) -> list[T]:
        return self._list(part, lambda: make(self.rows, self.section.claims), check, self.section.troubles)

    def _list(
        self, part: str, make: Callable[[], Iterable[Any]], check: Callable[[Any], T], troubles: list[str]
    ) -> list[T]:
        """Return what it yields, as far as it comes and is what it must be; what is not joins the troubles."""
        if part in self.lost:
            troubles.append(f"Its {part} could not be made: {self.lost[part]}")
            return []
        self.at(part)
        made: list[T] = []
        faults: list[str] = []

        def take() -> None:
            for number, one in enumerate(make()):
                if number >= MOST[part]:
                    raise ValueError(f"it yields more than {MOST[part]} of them")
                try:
                    made.append(contained(check, one))
                except Fault as fault:
                    faults.append(str(fault))

        try:
            contained(take)
        except Fault as fault:
            troubles.append(f"Its {part} could not be made: {fault}")
        troubles += [f"One of its {part} is of no use: {fault}" for fault in faults[:TOLD]]
        if len(faults) > TOLD:
            troubles.append(f"{len(faults) - TOLD} more of its {part} are of no use")
        return made


def has_figures(experiment: Experiment) -> bool:
    """Whether an experiment has a method of its own that draws."""
    return getattr(experiment.figures, "__func__", None) is not Experiment.figures


def figure_name(experiment: str, figure: Figure) -> str:
    """Return what a run calls a figure: its name, which begins with its experiment's."""
    return figure.name if figure.name.startswith(experiment) else f"{experiment}-{figure.name}"
