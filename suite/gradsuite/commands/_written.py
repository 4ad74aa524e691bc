"""Text for standard output, or for a file."""

from pathlib import Path

import click

from gradsuite.runs.drafts import replaced


def write(text: str, out: Path | None) -> None:
    """Write a text. Raises UserError if the file cannot be written."""
    if out is None:
        click.echo(text)
        return
    with replaced(out) as output:
        output.write((text if text.endswith("\n") else f"{text}\n").encode(errors="replace"))
