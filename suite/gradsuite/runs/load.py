"""A run as DataFrames and figures: what `gradsuite.load` and `gradsuite.run` return."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from gradsuite.errors import unknown
from gradsuite.plugins import Plugins
from gradsuite.plugins import load as load_plugins
from gradsuite.runs.store import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

    from gradsuite.experiment import Figure


class LoadedRun:
    """The rows, claims and figures of one run; read once, at their first use."""

    def __init__(self, run: Run, plugins: Plugins) -> None:
        """Read `run`; its experiments are those of `plugins`."""
        self.run = run
        self.plugins = plugins

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
        """One row per trial: experiment, backend, device, settings, status, reason and seconds."""
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

    @cached_property
    def _figures(self) -> "dict[str, Figure]":
        from gradsuite.report import style

        figures: dict[str, Figure] = {}
        for name in self.trials["experiment"].unique():
            if name in self.plugins.experiments:
                experiment, rows = self.plugins.experiment(name), self.run.frame(name)
                with style.context():
                    figures |= {figure.name: figure for figure in experiment.figures(rows, self.run.claims_of(name))}
        return figures

    @property
    def figures(self) -> list[str]:
        """The names of the figures that the run's experiments draw."""
        return list(self._figures)

    def figure(self, name: str) -> "MatplotlibFigure":
        """Return a figure as Matplotlib has it, drawn as in the report.

        Raises UserError, with the nearest name, if the run's experiments draw none of that name.
        """
        if name not in self._figures:
            raise unknown("figure of this run", name, self._figures)
        return self._figures[name].figure

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
