"""Docstrings as these pages need them: plain text in which `<` is no HTML, and `::` introduces an example.

An extension of griffe, which reads the docstrings for mkdocstrings.
"""

import re
from typing import Any

from griffe import Extension, Object

CODE = re.compile(r"(`[^`]*`)")


class PlainDocstrings(Extension):
    """Changes docstrings as they are read, never the source."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        """Change one object's docstring."""
        if obj.docstring:
            obj.docstring.value = markdown(obj.docstring.value)


def markdown(text: str) -> str:
    """Return a docstring as Markdown that shows every character of it."""
    lines = (line if line.startswith("    ") else escaped(line) for line in text.splitlines())
    return "\n".join("" if line.strip() == "::" else line for line in lines)


def escaped(line: str) -> str:
    """Return a line in which `<` outside code is shown."""
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in CODE.split(line))
