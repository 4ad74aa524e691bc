"""What both experiments of gradient flow share: a trial per task and setting, and what is said and drawn of norms."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from gradsuite.claims import Claim
from gradsuite.compared import Compared, Quantity
from gradsuite.errors import UserError
from gradsuite.experiment import Answer, Experiment, Figure, Table
from gradsuite.settings import Grid

from gradsuite_experiments.gradient_flow.laws import HORIZON

if TYPE_CHECKING:
    import pandas as pd


class GradientFlow(Experiment):
    """Norms of state gradients against the distance from the loss, for tasks with one target per sequence.

    `subject` is the setting that panels differ in, `series` the one that a panel's curves differ in, and `distances`
    what a distance is counted in.
    """

    subject: ClassVar[str]
    series: ClassVar[str]
    distances: ClassVar[str]
    compared: ClassVar[tuple[Compared, ...]] = (Quantity(HORIZON),)

    def trials(self, grid: Grid) -> Iterator[dict[str, Any]]:
        """Yield the product of the grid; a task whose sequences have one length has that one.

        Raises UserError for a task with a target at every step: its gradients come from no single distance.
        """
        tasks = {name: self.task(name) for name in grid["task"]}
        for name, task in tasks.items():
            if task.readout == "all":
                raise UserError(f"{self.name} needs one target per sequence; task {name!r} has one at every step")
            lengths = grid["length"] if task.only_length is None else (task.only_length,)
            yield from super().trials({**grid, "task": [name], "length": lengths})

    def findings(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[str]:
        """Yield how far backends agree, and where along the series each subject's gradients vanish and explode."""
        from gradsuite_experiments.gradient_flow.findings import agreement, by_task

        yield from agreement(rows)
        yield from by_task(rows, self.subject, self.series)

    def answers(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Answer]:
        """Yield where gradients vanish, stay and explode, and how far backends agree."""
        from gradsuite_experiments.gradient_flow.answers import answers

        yield from answers(rows, self.subject, self.series, self.distances)

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield norms against the distance from the loss."""
        from gradsuite_experiments.gradient_flow.figures import curves

        yield from curves(rows, self.name, across=self.subject, series=self.series, distance=self.distances)

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield the verdict for each task, subject and value of the series."""
        from gradsuite_experiments.gradient_flow.findings import verdict_table

        yield from verdict_table(rows, ["task", self.subject], self.series, self.distances)
