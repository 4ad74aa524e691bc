"""Paths as they are typed: what no file system can have is refused before anything is opened."""

import os
from pathlib import Path

from gradsuite.errors import UserError, quoted

LONGEST_NAME = 255  # bytes, on all file systems in use
LONGEST = 4095  # bytes of a whole path that Linux takes
WRITTEN = 2**20  # bytes of a text that somebody may have written


def require_path(path: str | Path) -> None:
    """Raise UserError for an empty text, one that no file can be called, and one too long for a file system."""
    text = os.fspath(path)
    if not text:
        raise UserError("a path cannot be empty: type one, or . for this folder")
    try:
        size, longest = len(os.fsencode(text)), max((len(os.fsencode(name)) for name in Path(text).parts), default=0)
    except UnicodeEncodeError as error:
        raise UserError(f"{quoted(text)} is no path: it has half a character") from error
    if "\0" in text:
        raise UserError(f"{quoted(text)} is no path: it has a null character")
    if longest > LONGEST_NAME:
        raise UserError(f"{quoted(text)} is no path: a name in it has {longest} bytes, and may have {LONGEST_NAME}")
    if size > LONGEST:
        raise UserError(f"{quoted(text)} is no path: it has {size} bytes, and may have {LONGEST}")


def read_text(path: str) -> str:
    """Return the text of a file that somebody wrote. Raises UserError if it cannot be read, or cannot be one."""
    require_path(path)
    file = Path(path)
    try:
        if file.exists() and not file.is_file():  # a folder, or a pipe or device, which may have no end
            raise UserError(f"cannot read {quoted(path)}: it is no file")
        if (size := file.stat().st_size) > WRITTEN:
            raise UserError(f"cannot read {quoted(path)}: it has {size} bytes, and may have {WRITTEN}")
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot read {quoted(path)}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"cannot read {quoted(path)}: it is not UTF-8") from error
