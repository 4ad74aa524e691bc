"""The report: one page that needs nothing but itself, its figures beside it as PNG and SVG."""

from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from gradsuite.errors import UserError
from gradsuite.plugins import Plugins
from gradsuite.report import facts
from gradsuite.report.palette import THEME, backend_colour, backend_order
from gradsuite.report.reproduce import recipe
from gradsuite.report.section import Section, count
from gradsuite.report.sections import sections
from gradsuite.report.summary import summary
from gradsuite.report.verdicts import expectation, measurement
from gradsuite.runs.store import Run, cause

FILE = "report.html"
FOLDER = "figures"
WORDS = ("vanishing", "stable", "exploding", "holds", "fails")  # what a table says in a colour


def write_report(run: Run, plugins: Plugins) -> Path:
    """Write report.html and figures/ into the run's folder, and return the page's path.

    Experiments are those of `plugins`. Raises UserError if they cannot be written.
    """
    try:
        folder = run.path / FOLDER
        folder.mkdir(exist_ok=True)
        text = render(run, sections(run, folder, plugins))
        (run.path / FILE).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write the report into {str(run.path)!r}: {cause(error)}") from error
    return run.path / FILE


def environment() -> jinja2.Environment:
    """Return what pages are made by: their templates, and what these call."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("gradsuite.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.filters |= {"table": table_entries, "backend": backend_mark, "safe_svg": Markup}
    made.filters |= {"expectation": expectation, "measurement": measurement}
    return made


def render(run: Run, made: list[Section]) -> str:
    """Return the page."""
    meta, trials = run.meta, run.trials()
    backends = meta.get("backends", {})
    return (
        environment()
        .get_template("page.html")
        .render(
            run=run,
            meta=meta,
            sections=made,
            backends=backend_order([*backends, *trials["backend"]]),
            statuses=count(trials),
            problems=facts.problems(trials),
            versions=facts.versions(backends),
            machine=facts.machine(meta.get("machine", {})),
            duration=facts.duration(meta),
            tuned=facts.tuned_with(meta),
            theme=THEME,
            folder=FOLDER,
            summary=summary(meta, count(trials), made),
            recipe=recipe(meta),
            unchecked=any(not claim.source.checked for section in made for claim in section.claims),
            has_csv=(run.path / "measurements.csv").exists(),
        )
    )


def table_entries(rows: pd.DataFrame) -> list[list[tuple[str, str]]]:
    """Return a table's entries as (class, text): numbers to the right, verdicts in their colour."""
    return [[table_entry(value) for value in row] for row in rows.itertuples(index=False)]


def table_entry(value: Any) -> tuple[str, str]:
    """Return one entry as (class, text)."""
    if isinstance(value, str):
        first = value.split(",")[0]
        return (first if first in WORDS else "", value)
    if pd.isna(value):
        return ("number", "-")
    return ("number", f"{value:.4g}" if isinstance(value, float) else str(value))


def backend_mark(name: str) -> Markup:
    """Return a backend's name with its colour, as figures have it."""
    return Markup('<span class="backend"><i style="background:{}"></i>{}</span>').format(backend_colour(name), name)
