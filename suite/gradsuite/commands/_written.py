"""Text for standard output, or for a file."""

from pathlib import Path

import click

from gradsuite.errors import UserError, quoted


def write(text: str, out: Path | None) -> None:
    """Write a text. Raises UserError if the file cannot be written."""
    if out is None:
        click.echo(text)
        return
    try:
        out.write_text(text if text.endswith("\n") else f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {quoted(str(out))}: {error.strerror}") from error
