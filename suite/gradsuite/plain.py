"""Text that does nothing but stand there: no character that a terminal obeys, none that a file cannot hold."""

import re
from typing import Any

# What a terminal would obey, or no file can hold: control characters and halves of surrogate pairs.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
BLANK = "\n\t\r"
LONGEST = 1000  # characters of one sentence or entry: what an experiment has to say of a dozen networks needs 500


def plain(text: Any, longest: int = LONGEST) -> str:
    """Return text in one line without anything that would be obeyed; what is too long is cut."""
    shown = plain_lines(text, kept="")
    return shown if len(shown) <= longest else f"{shown[:longest]}..."


def plain_lines(text: Any, kept: str = "\n") -> str:
    """Return text of any length without anything that would be obeyed; of BLANK, what is not `kept` is a space."""

    def shown(found: re.Match[str]) -> str:
        if found[0] in BLANK:
            return found[0] if found[0] in kept else " "
        return f"\\u{ord(found[0]):04x}"

    return UNPRINTABLE.sub(shown, str(text))


def printable(text: str) -> str:
    """Return the text with what a terminal would obey, and what no encoding has, as escapes."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
