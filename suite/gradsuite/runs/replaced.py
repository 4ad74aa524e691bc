"""Files that are replaced whole: whoever reads one sees all of the old or all of the new."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from gradsuite.errors import UserError, cause


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write what `path` is to hold; it takes that name once it is whole, and else leaves nothing.

    A link is followed, and what is no file, such as a pipe, is written to as it is. Raises UserError if it cannot be
    written.
    """
    target = path.resolve()
    whole = target.is_file() or not target.exists()
    written = target.with_name(f".{target.name[:200]}.{os.getpid()}.part") if whole else target
    try:
        try:
            with written.open("wb") as output:
                yield output
                output.flush()
                if whole:
                    os.fsync(output.fileno())
            if whole:
                if target.exists():
                    written.chmod(target.stat().st_mode & 0o7777)
                written.replace(target)
        except BaseException:
            if whole:
                with suppress(OSError):
                    written.unlink()
            raise
    except OSError as error:
        raise UserError(f"cannot write {str(path)!r}: {cause(error)}") from error
