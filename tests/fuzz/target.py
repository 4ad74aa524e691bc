"""A target: what becomes of any bytes. Hypothesis and atheris both begin with sound ones, and tear them."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

LONGEST = 400  # bytes of those that Hypothesis makes up


@dataclass(frozen=True, slots=True)
class Target:
    """`read` does with bytes what is done with a user's, and fails only for a fault; a `seed` is read without a line.

    `words` are what may be written into a torn seed, and mean something there.
    """

    read: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...]

    def inputs(self) -> st.SearchStrategy[bytes]:
        """Return seeds out of which a piece is cut, and into which words are written; and bytes without any seed."""
        written = st.lists(st.sampled_from(self.words) | st.binary(max_size=8), max_size=6).map(b"".join)
        return st.builds(_torn, st.sampled_from(self.seeds), st.floats(0, 1), st.integers(0, 20), written) | st.binary(
            max_size=LONGEST
        )


def _torn(seed: bytes, share: float, removed: int, written: bytes) -> bytes:
    place = int(share * len(seed))
    return seed[:place] + written + seed[place + removed :]


@contextmanager
def file_of(data: bytes, name: str) -> Iterator[Path]:
    """Write a file into a folder of its own, which is gone afterwards; whoever reads it must not have changed it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes(data)
        yield file
        assert file.read_bytes() == data
        assert list(file.parent.iterdir()) == [file]
