"""`gradsuite report`: judge a run's claims and draw its report again."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gradsuite.commands._completion import plugins, runs, words
from gradsuite.commands._options import FILE, several

if TYPE_CHECKING:
    from gradsuite.plugins import Plugins
    from gradsuite.runs.store import Run


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
    from gradsuite.plugins import load
    from gradsuite.runs.export import write_measurements
    from gradsuite.runs.store import Run

    chosen = format_of(kind, out, FORMATS, default="html")
    if chosen == "pdf":
        from gradsuite.report.forms.pdf import browser

        browser()  # refuses before a minute of drawing, not after
    opened = Run.open(run)
    opened.require_current("reported on anew")
    plugins = load(no_plugin or opened.blocked())
    judged = judge_all(opened, plugins)
    write_measurements(opened)
    written = write_form(opened, plugins, chosen, out)
    click.echo(written)
    if shown:
        webbrowser.open(written.resolve().as_uri())
    return 0 if judged else 1


def write_form(run: "Run", plugins: "Plugins", chosen: str, out: Path | None) -> Path:
    """Write a report in one of FORMATS, and return where it is. Raises UserError if it cannot be written."""
    from gradsuite.commands._written import write

    ending = next(ending for ending, form in FORMATS.items() if form == chosen)
    path = out or run.path / f"report.{ending}"
    if chosen == "md":
        from gradsuite.report.forms.markdown import report_markdown

        write(report_markdown(run, plugins), path)
    elif chosen == "notebook":
        from gradsuite.report.forms.notebook import report_notebook

        write(report_notebook(run, path), path)
    else:
        from gradsuite.report.page import write_report  # slow to import, and not needed to refuse a misspelled run

        page = write_report(run, plugins)
        if chosen == "pdf":
            from gradsuite.report.forms.pdf import print_page

            print_page(page, path)
        elif out:
            write(page.read_text(encoding="utf-8"), path)
        else:
            return page
    return path


def judge_all(run: "Run", plugins: "Plugins") -> bool:
    """Judge the claims of every experiment that is installed here; return whether all of them could be judged."""
    from gradsuite.errors import one_line
    from gradsuite.running.judge import judge

    judged = True
    for name in dict.fromkeys(run.trials()["experiment"]):
        if name not in plugins.experiments:
            click.echo(f"{name} is not installed here: its claims stay as they were judged", err=True)
            judged = False
            continue
        try:
            judge(run, plugins.experiment(name))
        except Exception as error:  # noqa: BLE001  an experiment is anyone's code: a fault costs its own claims alone
            click.echo(f"the claims of {name} could not be judged: {one_line(error)}", err=True)
            judged = False
    return judged
