"""`gradsuite report`: draw a run's report again."""

import click


@click.command()
@click.argument("run", type=click.Path())
def report(run: str) -> None:
    """Write the report of a run anew.

    Its measurements.csv too. The last line printed is where the report is.
    """
    from gradsuite.runs.export import write_measurements
    from gradsuite.runs.store import Run

    opened = Run.open(run)
    write_measurements(opened)
    from gradsuite.report.page import write_report  # slow to import, and a run misspelled needs none of it

    click.echo(write_report(opened))
