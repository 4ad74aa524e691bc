"""Parts of a page made of sentences and tables: as text, Markdown or HTML, whatever the names in them are."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gradsuite.plain import plain

MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~-])")


@dataclass(frozen=True, slots=True)
class Part:
    """A heading, sentences under it, and a table under these: its columns and rows, all text.

    Without a heading it goes on with the part before it.
    """

    title: str
    sentences: Sequence[str] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = field(default=())

    @property
    def numeric(self) -> set[int]:
        """The columns that hold numbers alone, which stand to the right."""
        return {place for place, column in enumerate(zip(*self.rows, strict=True)) if all(map(is_number, column))}


def as_text(title: str, parts: Sequence[Part]) -> str:
    """Return the parts for a terminal, under a title if it is not empty."""
    from gradsuite.commands._columns import columns

    blocks = [plain(title)] if title else []
    for part in parts:
        lines = [plain(part.title)] if part.title else []
        lines += [f"  {plain(sentence)}" for sentence in part.sentences]
        if part.rows:
            table = columns([list(part.columns), *([plain(entry) for entry in row] for row in part.rows)])
            lines += [f"  {line}" for line in table.splitlines()]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def as_markdown(title: str, parts: Sequence[Part]) -> str:
    """Return the parts as GitHub's Markdown."""
    blocks = [f"## {markdown(title)}"]
    for part in parts:
        blocks += [f"### {markdown(part.title)}"] if part.title else []
        blocks += map(markdown, part.sentences)
        if part.rows:
            lines = [
                part.columns,
                ["---:" if place in part.numeric else "---" for place in range(len(part.columns))],
                *([markdown(entry) for entry in row] for row in part.rows),
            ]
            blocks.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(blocks) + "\n"


def is_number(text: str) -> bool:
    """Whether a text is a number and nothing else."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def markdown(text: Any) -> str:
    """Return text that Markdown shows as it is."""
    return html.escape(MARKDOWN.sub(r"\\\1", plain(text)), quote=False)


def as_html(title: str, parts: Sequence[Part]) -> str:
    """Return the parts as a page that needs nothing but itself."""
    from gradsuite import __version__
    from gradsuite.report.frame import Frame

    return Frame([]).page("parts.html", title=plain(title), version=__version__, parts=parts, plain=plain)
