"""A run as DataFrames and figures: what `gradsuite.load` and `gradsuite.run` return."""

import warnings
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from gradsuite.errors import UserError, unknown
from gradsuite.hosting.contained import Fault, contained
from gradsuite.plugins import Plugins
from gradsuite.plugins import load as load_plugins
from gradsuite.runs.store import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure


class LoadedRun:
    """The rows, claims and figures of one run; read once, at their first use."""

    def __init__(self, run: Run, plugins: Plugins) -> None:
        """Read `run`; its experiments are those of `plugins`."""
        self.run = run
        self.plugins = plugins
        self._figures: dict[str, tuple[dict[str, MatplotlibFigure], str]] = {}  # by experiment, drawn once

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.run.path

    @cached_property
    def measurements(self) -> pd.DataFrame:
        """One row per measurement, with `gradsuite.rows.COLUMNS`; settings are JSON."""
        return self.run.measurements()

    @cached_property
    def trials(self) -> pd.DataFrame:
        """One row per trial: experiment, backend, device, settings, status, reason, seconds, machine and run."""
        return self.run.trials()

    @cached_property
    def claims(self) -> pd.DataFrame:
        """One row per claim and backend: name, sentence, source, what was expected and measured, and the verdict."""
        return self.run.claims()

    def frame(self, experiment: str) -> pd.DataFrame:
        """Return the measurements of one experiment, with a column for each of its settings.

        Raises UserError, with the nearest name, if the run has no such experiment.
        """
        measured = self.trials["experiment"].unique()
        if experiment not in measured:
            raise unknown("experiment of this run", experiment, measured)
        return self.run.frame(experiment)

    @property
    def figures(self) -> list[str]:
        """The names of the figures that the run's experiments draw; a warning tells of those that cannot be drawn."""
        for experiment in self._experiments:
            if trouble := self._drawn(experiment)[1]:
                warnings.warn(trouble, stacklevel=2)
        return [name for experiment in self._experiments for name in self._drawn(experiment)[0]]

    def figure(self, name: str) -> "MatplotlibFigure":
        """Return a figure as Matplotlib has it, drawn as in the report.

        Raises UserError, with the nearest name, if the run's experiments draw none of that name; or if it cannot be
        drawn, as those of an experiment whose rows had other names when it was run: its folder has their files.
        """
        for experiment in self._experiments:
            if name.startswith(experiment):
                figures, trouble = self._drawn(experiment)
                if name in figures:
                    return figures[name]
                if trouble:
                    raise UserError(trouble)
        raise unknown("figure of this run", name, self.figures)

    @property
    def _experiments(self) -> list[str]:
        """The experiments that measured something and are installed here."""
        return [name for name in self.trials["experiment"].unique() if name in self.plugins.experiments]

    def _drawn(self, experiment: str) -> "tuple[dict[str, MatplotlibFigure], str]":
        """Return the figures of one experiment by name, drawn at the first call, and what stopped it if anything."""
        from gradsuite.report import received, style
        from gradsuite.report.made import figure_name

        if experiment not in self._figures:
            figures: dict[str, MatplotlibFigure] = {}
            trouble = ""

            def draw() -> None:
                author = self.plugins.experiment(experiment)
                with style.context():
                    for part in self.run.parts(experiment):
                        for made in author.figures(part.frame(experiment), part.claims_of(experiment)):
                            figure = received.figure(made)
                            figures[figure_name(experiment, figure) + part.tag] = figure.figure

            try:
                contained(draw)
            except Fault as fault:  # it costs its figures alone
                trouble = f"the figures of {experiment} cannot be drawn: {fault}"
            self._figures[experiment] = figures, trouble
        return self._figures[experiment]

    def __repr__(self) -> str:
        statuses = self.trials["status"].value_counts()
        counts = ", ".join(f"{count} {status}" for status, count in statuses.items()) or "nothing measured"
        held = int((self.claims["verdict"] == "holds").sum())
        return f"<gradsuite run {str(self.path)!r}: {counts}; {held} of {len(self.claims)} claims hold>"


def load(path: str | Path) -> LoadedRun:
    """Return the run in a folder. Raises UserError if there is none, with the nearest one beside it.

    Plugins that were blocked when it was measured are blocked again.
    """
    run = Run.open(path)
    return LoadedRun(run, load_plugins(run.blocked()))
