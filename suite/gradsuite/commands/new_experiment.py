"""`gradsuite new-experiment`: a package for a new experiment and its task."""

from pathlib import Path
from shlex import quote

import click

from gradsuite.commands._out import folder_option


@click.command()
@click.argument("name")
@folder_option
def new_experiment(name: str, into: Path) -> None:
    """Write a package for a new experiment NAME.

    It works at once: the experiment, a task that feeds it, and tests of both.
    """
    from gradsuite.plugins import load
    from gradsuite.templates import write_package

    folder = write_package("experiment", name, into, load())
    click.echo(f"wrote an experiment and its task to {folder}; to install and run it:")
    click.echo(f"  cd {quote(str(folder))} && python -m pip install -e . && pytest && gradsuite run {name}")
