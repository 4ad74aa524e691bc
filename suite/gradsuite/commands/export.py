"""`gradsuite export`: a run's measurements for other programs."""

import click

from gradsuite.commands._completion import words


@click.command()
@click.argument("run", type=click.Path())
@click.option(
    "--format", "kind", required=True, metavar="csv|json", shell_complete=words("csv", "json"), help="Output format."
)
@click.option("--output", type=click.Path(), metavar="FILE", help="File to write (default: standard output).")
def export(run: str, kind: str, output: str | None) -> None:
    """Write the measurements of a run, one row each."""
    import sys
    from pathlib import Path

    from gradsuite.errors import unknown
    from gradsuite.runs.export import FORMATS, write_file
    from gradsuite.runs.store import Run

    if kind not in FORMATS:
        raise unknown("format", kind, FORMATS)
    opened = Run.open(run)
    if output is None:
        FORMATS[kind](opened.measurements(), sys.stdout)
    else:
        write_file(opened, Path(output), kind)
