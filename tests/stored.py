"""Rows as an experiment's figures get them: measured, stored in a run and read back."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from gradsuite.backend import Backend
from gradsuite.experiment import Cell, Experiment, Measurement, Value
from gradsuite.plugins import load
from gradsuite.result import Result
from gradsuite.runs.store import Run

Changes = Mapping[str, Sequence[Value]]


def backend(name: str = "numpy") -> Backend:
    return load().get("backend", name)()


def measured(experiment: Experiment, settings: Mapping[str, Value], name: str = "numpy") -> list[Measurement]:
    return [row for part in experiment.measure(backend(name), "cpu", settings) for row in part]


def run_of(folder: Path, results: Iterable[tuple[Cell, Result]], **meta: Any) -> Run:
    run = Run.create(folder, meta)
    for number, (cell, result) in enumerate(results):
        run.add(cell, f"key-{number}", result)
    return run


def rows_of(folder: Path, experiment: Experiment, results: Iterable[tuple[Cell, Result]]) -> pd.DataFrame:
    return run_of(folder, results).frame(experiment.name)


def small(experiment: Experiment, **changes: Sequence[Value]) -> list[dict[str, Value]]:
    return list(experiment.cells(experiment.grid("quick", changes)))


def results_of(experiment: Experiment, cells: Iterable[Mapping[str, Value]], backends: Iterable[str] = ("numpy",)):
    """Measure on NumPy, and say that each of these backends found the same."""
    for settings in cells:
        rows = tuple(measured(experiment, settings))
        for name in backends:
            yield Cell(experiment.name, name, "cpu", settings), Result("ok", rows)
