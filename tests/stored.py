"""Rows as an experiment's figures get them: measured, stored in a run and read back."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from gradsuite.backend import Backend
from gradsuite.claims import decisive
from gradsuite.experiment import Experiment, Result, Trial
from gradsuite.plugins import Plugins, load
from gradsuite.report.section import Section
from gradsuite.report.sections import sections
from gradsuite.rows import Measurement
from gradsuite.runs.store import Run
from gradsuite.settings import Grid, Settings

Changes = Grid


def judge(run: Run, experiment: Experiment) -> None:
    """Judge and store an experiment's claims in this process, where what it does wrong is raised."""
    for part in run.parts(experiment.name):
        part.keep_claims(experiment.name, decisive(experiment.claims(part.frame(experiment.name))))


def draw_nothing(monkeypatch: pytest.MonkeyPatch, write_page: Callable[[Run, list[Section]], Any]) -> None:
    """Have the reports of runs made without figures, in this process and not ahead, and the pages written so."""
    monkeypatch.setattr("gradsuite.report.page.drawn", lambda run, plugins, **_: undrawn(run, plugins))
    monkeypatch.setattr("gradsuite.report.page.write_page", write_page)
    monkeypatch.setattr("gradsuite.report.page.begin", lambda *_: None)
    monkeypatch.setattr("gradsuite.running.ahead.Ahead.step", lambda _: False)


def undrawn(run: Run, plugins: Plugins) -> list[Section]:
    """Return the sections of a run's report, judged, without figures, and in this process."""
    plugins.found = False
    return sections(run, plugins, judging=True)


def backend(name: str = "numpy") -> Backend:
    return load().get("backend", name)()


def measured(experiment: Experiment, settings: Settings, name: str = "numpy") -> list[Measurement]:
    return [row for part in experiment.measure(backend(name), "cpu", settings) for row in part]


def run_of(folder: Path, results: Iterable[tuple[Trial, Result]], **meta: Any) -> Run:
    run = Run.create(folder, meta)
    for number, (trial, result) in enumerate(results):
        run.add(trial, f"key-{number}", result)
    return run


def rows_of(folder: Path, experiment: Experiment, results: Iterable[tuple[Trial, Result]]) -> pd.DataFrame:
    return run_of(folder, results).frame(experiment.name)


def small(experiment: Experiment, **changes: Sequence[Any]) -> list[dict[str, Any]]:
    return list(experiment.trials(experiment.grid("quick", changes)))


def results_of(experiment: Experiment, trials: Iterable[Settings], backends: Iterable[str] = ("numpy",)):
    """Measure on NumPy, and say that each of these backends found the same."""
    for settings in trials:
        rows = tuple(measured(experiment, settings))
        for name in backends:
            yield Trial(experiment.name, name, "cpu", settings), Result("ok", rows)
