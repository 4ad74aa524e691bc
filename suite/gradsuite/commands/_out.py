"""The option of the commands that write a package."""

from pathlib import Path

import click

folder_option = click.option(
    "--out",
    "into",
    type=click.Path(path_type=Path),
    default=".",
    metavar="DIR",
    help="Folder to make the package in (default: this one).",
)
