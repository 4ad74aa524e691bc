"""The code blocks of a page, so that what the documentation says to type is typed."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(
    r"^```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


class Block(NamedTuple):
    """`title` is the file that the text is for; a block without one is run. `line` is where it begins."""

    language: str
    title: str | None
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    """Yield the code blocks of a Markdown page in order."""
    source = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(source):
        yield Block(match["language"], match["title"], match["text"], source[: match.start()].count("\n") + 2)
