"""`gradsuite new-cell`: a package for a new cell."""

from pathlib import Path
from shlex import quote

import click

from gradsuite.commands._out import folder_option


@click.command()
@click.argument("name")
@folder_option
def new_cell(name: str, into: Path) -> None:
    """Write a package for a new cell NAME.

    It works at once: the cell's equations, which backends with autodiff run as they are, and tests of them.
    """
    from gradsuite.plugins import load
    from gradsuite.templates import write_package

    folder = write_package("cell", name, into, load())
    click.echo(f"wrote a cell to {folder}; to install and check it:")
    click.echo(
        f"  cd {quote(str(folder))} && python -m pip install -e . && pytest && gradsuite check torch --cell {name}"
    )
