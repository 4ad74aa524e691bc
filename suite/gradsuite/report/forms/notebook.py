"""A report as a Jupyter notebook: the run loaded, its claims, its rows, and every figure drawn anew."""

import os
from pathlib import Path
from typing import Any

from gradsuite.errors import UserError
from gradsuite.runs.store import Run

SUMMARY = """\
import gradsuite

run = gradsuite.load({path!r})
run.claims.groupby(["experiment", "backend", "verdict"]).size().unstack(fill_value=0)"""
TRIALS = 'run.trials.groupby(["experiment", "backend"])["seconds"].agg(["size", "sum"])'
ROWS = """\
rows = run.frame({name!r})
rows.groupby(["metric", "backend"])["value"].describe()"""
FIGURES = """\
from IPython.display import display

for name in run.figures:
    display(run.figure(name))"""
FAILED = 'run.claims.loc[run.claims["verdict"] == "fails", ["name", "backend", "expected", "measured", "tolerance"]]'


def report_notebook(run: Run, out: Path) -> str:
    """Return a notebook about a run as JSON, to be written to `out`, from where it finds the run.

    Raises UserError if nbformat is not installed.
    """
    try:
        import nbformat
    except ImportError as error:
        raise UserError("a notebook needs nbformat: pip install 'gradsuite[notebook]'") from error
    v4: Any = nbformat.v4  # which has no types
    path = os.path.relpath(run.path.resolve(), out.resolve().parent)
    trials = run.trials()
    measured = dict.fromkeys(trials.loc[trials["status"] == "ok", "experiment"])
    cells = [
        v4.new_markdown_cell(f"# {run.path.resolve().name}\n\nWhat was measured, and how to go on from it."),
        v4.new_code_cell(SUMMARY.format(path=path)),
        v4.new_code_cell(FAILED),
        v4.new_code_cell(TRIALS),
    ]
    for name in measured:
        cells += [v4.new_markdown_cell(f"## {name}"), v4.new_code_cell(ROWS.format(name=name))]
    cells += [v4.new_markdown_cell("## Figures"), v4.new_code_cell(FIGURES)]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # the same report is the same file
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    write: Any = nbformat.writes
    return str(write(v4.new_notebook(cells=cells, metadata=kernel)))
