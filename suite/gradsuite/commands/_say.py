"""Text on a terminal, without anything in it that the terminal would obey."""

import click

from gradsuite.plain import plain_lines


def say(text: object, *, err: bool = False) -> None:
    """Print text that plugins had a part in: on standard output, or on standard error."""
    click.echo(plain_lines(text), err=err)
