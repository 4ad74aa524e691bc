"""One line on a terminal that says what is going on, and leaves nothing behind."""

import shutil
from typing import Self, TextIO

ERASE = "\r\x1b[2K"


class Line:
    """Shows a text on a stream while it is a terminal, and nothing where it is a pipe or a file."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.there = stream.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.clear()

    def show(self, text: str) -> None:
        """Replace what is shown by this text, cut to the terminal's width."""
        if self.there:
            self.stream.write(ERASE + text[: shutil.get_terminal_size().columns - 1])
            self.stream.flush()

    def clear(self) -> None:
        """Show nothing."""
        self.show("")
