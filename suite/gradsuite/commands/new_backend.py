"""`gradsuite new-backend`: a package for a new backend."""

from pathlib import Path
from shlex import quote

import click


@click.command()
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    default=".",
    metavar="DIR",
    help="Folder to make the package in (default: this one).",
)
def new_backend(name: str, into: Path) -> None:
    """Write a package for a new backend NAME.

    It works at once, for one cell, and its tests check every gradient that it computes.
    """
    from gradsuite.plugins import load
    from gradsuite.templates import write_package

    folder = write_package("backend", name, into, load())
    click.echo(f"wrote a backend for one cell, rnn, to {folder}; to install and check it:")
    click.echo(f"  cd {quote(str(folder))} && python -m pip install -e . && gradsuite check {name} && pytest")
