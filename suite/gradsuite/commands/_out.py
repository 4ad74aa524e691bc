"""The option of the commands that write a package."""

import click

from gradsuite.commands._options import FILE

folder_option = click.option(
    "--out",
    "into",
    type=FILE,
    default=".",
    metavar="DIR",
    help="Folder to make the package in (default: this one).",
)
