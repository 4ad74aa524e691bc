"""`gradsuite new-backend`: a package for a new backend."""

from pathlib import Path
from shlex import quote

import click

from gradsuite.commands._out import folder_option


@click.command()
@click.argument("name")
@folder_option
@click.option("--autodiff", is_flag=True, help="Forward passes alone, for a framework that differentiates.")
def new_backend(name: str, into: Path, autodiff: bool) -> None:
    """Write a package for a new backend NAME.

    It works at once, and its tests check every gradient that it computes: of one cell, forward and backward by hand, or
    with --autodiff of all cells, by HIPS autograd until it is replaced.
    """
    from gradsuite.plugins import load
    from gradsuite.templates import write_package

    folder = write_package("backend", name, into, load(), autodiff=autodiff)
    cells = "all cells, differentiated by autograd," if autodiff else "one cell, rnn,"
    click.echo(f"wrote a backend for {cells} to {folder}; to install and check it:")
    click.echo(f"  cd {quote(str(folder))} && python -m pip install -e . && gradsuite check {name} && pytest")
