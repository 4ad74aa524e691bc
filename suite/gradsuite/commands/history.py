"""`gradsuite history`: how times changed over many runs."""

from pathlib import Path

import click

from gradsuite.commands._completion import words
from gradsuite.commands._options import FILE, PATH

FORMATS = ("table", "md", "json", "html")


@click.command()
@click.argument("run", type=PATH, nargs=-1, required=True)
@click.option(
    "--format",
    "kind",
    metavar="table|md|json|html",
    shell_complete=words(*FORMATS),
    help="Output format (default: the file's ending, or table).",
)
@click.option("--all", "everything", is_flag=True, help="Series without a step too.")
@click.option("--out", type=FILE, metavar="FILE", help="File to write (default: standard output).")
def history(run: tuple[str, ...], kind: str | None, everything: bool, out: Path | None) -> None:
    """List the steps in the times of RUNs, at least three, and the first run after each.

    Runs are put in the order in which they were begun; those of another machine than the last one's are left out. A
    step is where times before and after differ by more than noise, all workloads and places considered.
    """
    from gradsuite.commands._ending import format_of
    from gradsuite.commands._written import write
    from gradsuite.plugins import load
    from gradsuite.report.past import shown
    from gradsuite.runs.history import history as found
    from gradsuite.runs.store import Run

    endings = {"txt": "table", "md": "md", "json": "json", "html": "html"}
    chosen = format_of(kind, out, endings, default="table")
    runs = [Run.open(path) for path in run]
    write(shown(found(runs, load(runs[-1].blocked())), chosen, everything=everything), out)
