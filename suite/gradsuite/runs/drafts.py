"""Files of a run's folder: each is drafted beside its place, and takes it once it is whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


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
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
