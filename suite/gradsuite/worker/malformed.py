"""What cannot be told apart from a mistake: a value that came from a plugin and is not of the kind that it must be."""

from typing import Any

from gradsuite.rows import LONGEST

SHOWN = 60  # characters of a value in a message
TEXT = LONGEST  # characters of a text that are kept
CUT = " [cut]"


class Malformed(ValueError):
    """A value is not what it must be; the message says which, of whom, and what was expected, in one line."""


def shown(value: Any) -> str:
    """Return a value as it can stand in a message: short, in one line, whatever it is."""
    try:
        text = text_of(" ".join(repr(value).split()))
    except Exception:  # noqa: BLE001  a plugin's own class may fail at this, too
        return f"something of the class {type(value).__name__} that cannot be shown"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def text_of(text: str, longest: int = TEXT) -> str:
    """Return a text as a file can hold it: without halves of characters, and cut if it is longer."""
    if len(text) > longest:
        text = text[:longest] + CUT
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
