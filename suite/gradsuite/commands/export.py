"""`gradsuite export`: a run's measurements for other programs."""

from pathlib import Path

import click

from gradsuite.commands._completion import runs, words
from gradsuite.commands._options import FILE


@click.command()
@click.argument("run", shell_complete=runs)
@click.option(
    "--format",
    "kind",
    metavar="csv|json|parquet",
    shell_complete=words("csv", "json", "parquet"),
    help="Output format (default: the file's ending).",
)
@click.option("--wide", is_flag=True, help="Column for each setting, and each trial's seconds and reason.")
@click.option("--out", type=FILE, metavar="FILE", help="File to write (default: standard output).")
def export(run: str, kind: str | None, wide: bool, out: Path | None) -> None:
    """Write the measurements of a run, one row each."""
    import sys

    from gradsuite.commands._ending import format_of
    from gradsuite.errors import UserError
    from gradsuite.runs import export, store
    from gradsuite.runs.wide import wide as widened

    chosen = format_of(kind, out, {name: name for name in export.FORMATS})
    opened = store.Run.open(run)
    if out is None and chosen == "parquet" and sys.stdout.isatty():
        raise UserError("Parquet is not for a terminal: type --out FILE.parquet")
    rows = widened(opened) if wide else opened.measurements()
    if out is None:
        export.FORMATS[chosen](rows, sys.stdout.buffer)
    else:
        export.write_file(rows, out, chosen)
