"""Files that are written whole: each is drafted beside its place, and takes it once nothing can be missing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from gradsuite.errors import UserError, cause


@contextmanager
def drafted(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write what `path` is to hold. Raises OSError, and then `path` is as it was.

    A link that lies in its place is replaced and never followed: a run's folder may be a stranger's.
    """
    draft = path.with_name(f".{path.name[:200]}.{os.getpid()}.part")
    draft.unlink(missing_ok=True)
    try:
        with draft.open("xb") as output:
            yield output
            output.flush()
            os.fsync(output.fileno())
        if path.is_file() and not path.is_symlink():
            draft.chmod(path.stat().st_mode & 0o7777)
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write what a path of the user's own is to hold. Raises UserError if it cannot be written.

    A link is followed, and what is no file, such as a pipe, is written to as it is.
    """
    target = path.resolve()
    try:
        with drafted(target) if target.is_file() or not target.exists() else target.open("wb") as output:
            yield output
    except OSError as error:
        raise UserError(f"cannot write {str(path)!r}: {cause(error)}") from error
