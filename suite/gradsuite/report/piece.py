"""What one section is made of: an experiment of a run, on one machine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from gradsuite.errors import UserError, one_line
from gradsuite.plugins import Plugins
from gradsuite.report.section import Section, missing
from gradsuite.runs.store import Run

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Piece:
    """An experiment of the run in `path`, and the machine whose rows they are if the run has several.

    Figures are written into the `folder`; without one its section has answers and claims alone. Claims are judged anew
    if it is `judging`.
    """

    path: Path
    experiment: str
    machine: str | None = None
    folder: Path | None = None
    judging: bool = False

    def section(
        self,
        plugins: Plugins,
        lost: Mapping[str, str] = MappingProxyType({}),
        at: Callable[[str], None] = lambda part: None,
    ) -> Section:
        """Return its section; of a merged run, the question says which machine's. `Maker` has `lost` and `at`."""
        from gradsuite.report.made import Maker

        try:
            experiment = plugins.experiment(self.experiment)
        except UserError as error:
            return self.unmade(f"This experiment cannot be loaded here: {error}")
        maker = Maker(experiment, self.run, self.trials, lost, at)
        maker.recall()
        if self.judging:
            maker.judge()
        maker.tell()
        if self.folder is not None:
            maker.draw(self.folder)
            maker.attach()
        made = maker.section
        return made if self.machine is None else replace(made, question=f"{self.machine}: {made.question}")

    def unmade(self, trouble: str) -> Section:
        """Return the section of an experiment that can say nothing itself: its claims are those that the run has."""
        section = missing(self.experiment + self.run.tag, trouble, self.trials)
        if self.folder is not None:
            from gradsuite.report.attached import stored_data  # of use in a page alone

            section.data = stored_data(self.run, self.experiment)
        try:
            return replace(section, claims=self.run.claims_of(self.experiment))
        except ValueError as error:  # a stranger's run may have claims that are none
            return replace(section, troubles=[trouble, f"Its claims cannot be read: {one_line(error)}"])

    @property
    def run(self) -> Run:
        """The run, or the part of it that this machine measured."""
        return Run.open(self.path, rows=False).part(self.machine)

    @property
    def trials(self) -> "pd.DataFrame":
        """The experiment's trials there."""
        trials = self.run.trials()
        return trials[trials["experiment"] == self.experiment]
