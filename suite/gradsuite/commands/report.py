"""`gradsuite report`: judge a run's claims and draw its report again."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gradsuite.commands._completion import plugins, runs, words
from gradsuite.commands._options import FILE, several

if TYPE_CHECKING:
    from gradsuite.plugins import Plugins
    from gradsuite.report.section import Section
    from gradsuite.runs.store import Run

INTERRUPTED = 130  # 128 + SIGINT, as shells have it

FORMATS = {"html": "html", "md": "md", "pdf": "pdf", "ipynb": "notebook"}  # by the file's ending


@click.command()
@click.argument("run", shell_complete=runs)
@click.option(
    "--format",
    "kind",
    metavar="html|md|pdf|notebook",
    shell_complete=words(*FORMATS.values()),
    help="Output format (default: the file's ending, or html).",
)
@click.option(
    "--out",
    type=FILE,
    metavar="FILE",
    help="File to write (default: report.html, .md, .pdf or .ipynb in the run's folder).",
)
@click.option("--open", "shown", is_flag=True, help="Report opened in the browser.")
@several("--no-plugin", complete=plugins, help="Plugin to block (default: those blocked in the run).")
def report(run: str, kind: str | None, out: Path | None, shown: bool, no_plugin: tuple[str, ...]) -> int:
    """Judge the claims of a run anew, and write its report and measurements.csv.

    The last line printed is the report's path. Exit status 1 if the claims of an experiment cannot be judged.
    """
    import webbrowser

    from gradsuite.commands._ending import format_of
    from gradsuite.hosting.points import blocking
    from gradsuite.plugins import load
    from gradsuite.runs.export import write_measurements
    from gradsuite.runs.store import Run

    chosen = format_of(kind, out, FORMATS, default="html")
    if chosen == "pdf":
        from gradsuite.report.forms.pdf import browser

        browser()  # refuses before a minute of drawing, not after
    opened = Run.open(run)
    plugins = load(no_plugin or opened.blocked())
    try:
        with blocking(plugins.blocked):
            made = sections(opened, plugins, drawing=chosen in ("html", "pdf"))
    except KeyboardInterrupt:
        click.echo(f"interrupted; what was there stays, and the page is drawn by: gradsuite report {run}", err=True)
        return INTERRUPTED
    write_measurements(opened)
    written = write_form(opened, made, chosen, out)
    click.echo(written)
    if shown:
        webbrowser.open(written.resolve().as_uri())
    return 0 if all(section.judged for section in made) else 1


def sections(run: "Run", plugins: "Plugins", *, drawing: bool = True) -> "list[Section]":
    """Judge the claims of every experiment anew, and say what it could not make; return the report's sections."""
    from gradsuite.plain import plain_lines
    from gradsuite.report import sections as of_report
    from gradsuite.report.page import drawn  # slow to import, and not needed to refuse a misspelled run

    made = drawn(run, plugins, judging=True) if drawing else of_report.sections(run, plugins, judging=True)
    for section in made:
        for trouble in section.troubles:
            click.echo(plain_lines(f"{section.name}: {trouble}"), err=True)
    return made


def write_form(run: "Run", made: "Sequence[Section]", chosen: str, out: Path | None) -> Path:
    """Write a report in one of FORMATS, and return where it is. Raises UserError if it cannot be written."""
    from gradsuite.commands._written import write

    ending = next(ending for ending, form in FORMATS.items() if form == chosen)
    path = out or run.path / f"report.{ending}"
    if chosen == "md":
        from gradsuite.report.forms.markdown import report_markdown

        write(report_markdown(run, made), path)
    elif chosen == "notebook":
        from gradsuite.report.forms.notebook import report_notebook

        write(report_notebook(run, path), path)
    else:
        from gradsuite.report.page import write_page

        page = write_page(run, list(made))
        if chosen == "pdf":
            from gradsuite.report.forms.pdf import print_page

            print_page(page, path)
        elif out:
            write(page.read_text(encoding="utf-8"), path)
        else:
            return page
    return path
