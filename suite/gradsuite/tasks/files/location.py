"""Where a file is, and that it is still the same one."""

import hashlib
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

from gradsuite.errors import UserError, quoted
from gradsuite.paths import require_path


def locate(file: str, sha256: str = "") -> Path:
    """Return the path of a file that is there, from the root.

    Raises UserError if there is none, naming the folder that was looked in, if it cannot be read, is empty, or has
    other contents than the digest says.
    """
    require_path(file)
    try:
        path = Path(file).expanduser().absolute()
    except RuntimeError as error:
        raise UserError(f"{quoted(file)} is in the home of a user who is not there") from error
    try:
        if path.is_dir():
            raise UserError(f"{quoted(file)} is a folder, not a file")
        if path.exists() and not path.is_file():  # of a pipe or a device there may be no end
            raise UserError(f"{quoted(file)} is no file")
        if not path.exists():
            raise UserError(f"no file {path.name!r} in {path.parent}{_hint(path)}")
        with path.open("rb") as stream:
            if not stream.read(1):
                raise UserError(f"{path.name} is empty")
    except OSError as error:
        raise UserError(f"cannot read {file!r}: {error.strerror}") from error
    if sha256 and digest(path) != sha256:
        raise UserError(f"{path.name} is not the file it was: its SHA-256 is {digest(path)}, not {sha256}")
    return path


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, read again only if it has changed."""
    return _digest(path, stamp(path))


def stamp(path: Path) -> tuple[int, int]:
    """Return what tells a file from the one it was: its size and when it was written."""
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns


@lru_cache(16)
def _digest(path: Path, stamp: tuple[int, int]) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _hint(path: Path) -> str:
    if not path.parent.is_dir():
        return ", for there is no such folder"
    near = get_close_matches(path.name, [one.name for one in path.parent.iterdir()], n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
