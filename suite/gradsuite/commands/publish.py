"""`gradsuite publish`: a site of runs."""

import click

from gradsuite.commands._completion import runs as of_runs
from gradsuite.commands._options import PATH


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", shell_complete=of_runs)
@click.option("--to", metavar="DIR", required=True, type=PATH, help="Folder of the site, a new one or a site.")
def publish(runs: tuple[str, ...], to: str) -> None:
    """Write a static site: runs by machine and backend, how backends stand, what each can do, and every report."""
    from gradsuite.plugins import load
    from gradsuite.report.site import publish as published
    from gradsuite.runs.store import Run

    click.echo(published([Run.open(run) for run in runs], to, load()))
