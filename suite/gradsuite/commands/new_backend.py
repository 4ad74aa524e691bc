"""`gradsuite new-backend`: start a backend."""

from pathlib import Path
from shlex import quote

import click


@click.command()
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path), default=".", metavar="DIR", help="Make its folder here.")
def new_backend(name: str, into: Path) -> None:
    """Start a backend NAME.

    Writes a package that works at once, for one cell, with tests that check every gradient it computes.
    """
    from gradsuite.plugins import load
    from gradsuite.templates import write_package

    folder = write_package("backend", name, into, load())
    click.echo(f"wrote a backend for one cell, rnn, to {folder}; to install and check it:")
    click.echo(f"  cd {quote(str(folder))} && python -m pip install -e . && gradsuite check {name} && pytest")
