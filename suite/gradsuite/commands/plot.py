"""`gradsuite plot`: any column of a run against any other, and the code that draws it."""

from pathlib import Path
from typing import Any

import click

from gradsuite.commands._completion import registered, runs
from gradsuite.commands._options import FILE

ENDINGS = {"png": "png", "svg": "svg", "pdf": "pdf"}


@click.command()
@click.argument("run", shell_complete=runs)
@click.argument("experiment", shell_complete=registered("experiment"))
@click.option("--x", required=True, metavar="NAME", help="Column, setting or metric to the right; `lag` is the index.")
@click.option("--y", required=True, metavar="METRIC", help="Metric upwards, or `value` for those of all metrics.")
@click.option("--hue", metavar="NAME", help="Column, setting or metric that has a colour for each value.")
@click.option("--col", metavar="NAME", help="Column, setting or metric that has panels side by side.")
@click.option("--row", metavar="NAME", help="Column, setting or metric that has panels one above another.")
@click.option("--where", multiple=True, metavar="KEY=V1,V2", help="Values of a column or setting that are drawn.")
@click.option(
    "--out",
    type=FILE,
    metavar="FILE",
    help="File to draw, PNG, SVG or PDF by its ending (default: EXPERIMENT-METRIC.png).",
)
def plot(run: str, experiment: str, out: Path | None, where: tuple[str, ...], **names: Any) -> None:
    """Draw one column of an experiment's rows against another, and print the code that draws it.

    Standard output is a script for seaborn, to be changed and run again; the picture is what it draws. What one point
    stands for several rows of, it is their median, with their range.
    """
    import matplotlib as mpl

    from gradsuite.commands._ending import format_of
    from gradsuite.report.plot.asked import Asked
    from gradsuite.report.plot.script import plot as draw

    asked = Asked(experiment=experiment, where=dict(map(_condition, where)), **names)
    file = out or Path(f"{experiment}-{asked.y}.png")
    format_of(None, file, ENDINGS)
    mpl.use("agg")
    drawn = draw(run, asked, file)
    click.echo("\n".join(drawn.lines))
    for note in drawn.notes:
        click.echo(note, err=True)
    click.echo(file, err=True)


def _condition(text: str) -> tuple[str, list[str]]:
    """Return the name and the values of KEY=V1,V2. Raises UserError."""
    from gradsuite.errors import UserError, quoted

    name, sign, values = text.partition("=")
    if not sign or not values:
        raise UserError(f"--where takes KEY=V1,V2 (such as gain=0.5,2), not {quoted(text)}")
    return name, values.split(",")
