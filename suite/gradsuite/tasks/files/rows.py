"""Rows of numbers that need not fit into memory: they lie in a file without a name, which goes with the process."""

import mmap
import tempfile
from collections.abc import Iterable, Iterator
from weakref import finalize

import numpy as np

CHUNK = 2**16  # rows in memory at once
FEW = 256  # places looked up at once: each brings the pages around it


class Rows:
    """N rows of W float64 numbers on disk."""

    def __init__(self, chunks: Iterable[np.ndarray], width: int) -> None:
        """Write chunks (n, W), one after another."""
        self.file = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the rows
        finalize(self, self.file.close)
        self.width = width
        self.count = 0
        for chunk in chunks:
            self.file.write(np.ascontiguousarray(chunk, np.float64).data)
            self.count += len(chunk)
        self.file.flush()

    def __len__(self) -> int:
        return self.count

    def read(self) -> np.ndarray:
        """Return all rows (N, W) as a view of the file.

        It is mapped anew each time: pages that were looked at through an older view no longer count as this process's.
        """
        if not self.count:
            return np.empty((0, self.width))
        view = mmap.mmap(self.file.fileno(), 0, access=mmap.ACCESS_READ)
        return np.frombuffer(view, np.float64).reshape(self.count, self.width)

    def at(self, places: np.ndarray, column: int) -> np.ndarray:
        """Return a column at places anywhere (shape of `places`), looked up a few at a time."""
        flat = places.ravel()
        values = np.empty(flat.shape)
        for start in range(0, len(flat), FEW):
            values[start : start + FEW] = self.read()[flat[start : start + FEW], column]
        return values.reshape(places.shape)

    def chunks(self, stop: int | None = None, *, before: int = 0) -> Iterator[np.ndarray]:
        """Yield the rows up to `stop` in chunks, each with up to `before` rows of the chunk before it in front."""
        stop = self.count if stop is None else stop
        for start in range(0, stop, CHUNK):
            yield self.read()[max(0, start - before) : min(start + CHUNK, stop)]

    def turned(self) -> "Rows":
        """Return the rows from the last to the first."""
        stops = range(self.count, 0, -CHUNK)
        return Rows((self.read()[max(0, stop - CHUNK) : stop][::-1] for stop in stops), self.width)
