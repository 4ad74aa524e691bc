"""The next character of an English text that every Python has: the topics of its own help."""

import hashlib
import platform
from collections.abc import Mapping
from functools import cached_property

import numpy as np

from gradsuite.backend import Batch
from gradsuite.tasks.counting import count_model_bits
from gradsuite.tasks.score import BITS, Score
from gradsuite.tasks.stream import Stream

SHARES = {"train": (0.0, 0.9), "validation": (0.9, 0.95), "test": (0.95, 1.0)}
MOST = 3  # characters that a count model looks back
CHARACTERS = 128  # what is not ASCII is one character, the last


class Language(Stream):
    """The topics of Python's help in the order of their names, some 465,000 characters: each predicts the next.

    The first 90% are to learn from, 5% to validate and 5% to test. The text differs from Python to Python: compare
    numbers of one version. States are carried on from batch to batch.
    """

    name = "language"
    summary = "the next character of the help topics of Python: bits per character"
    source = "pydoc_data.topics of the standard library (PSF)"
    input_size = CHARACTERS
    output_size = CHARACTERS
    loss = "cross_entropy"

    @property
    def score(self) -> Score:
        """What it costs to send each character."""
        return BITS

    @cached_property
    def characters(self) -> np.ndarray:
        """The text, as numbers below 128."""
        return np.minimum(np.array([ord(character) for character in text()]), CHARACTERS - 1)

    def notes(self) -> tuple[str, ...]:
        """Return which text was read: the version of Python, how long it is, and its digest."""
        digest = hashlib.sha256(text().encode()).hexdigest()
        return (f"help topics of Python {platform.python_version()}: {len(text()):,} characters, sha256 {digest}",)

    def steps(self, split: str) -> int:
        """Return how many characters of a split have a next one."""
        return len(self.part(split)) - 1

    def part(self, split: str) -> np.ndarray:
        """Return the characters of a split."""
        start, end = (round(share * len(self.characters)) for share in SHARES[split])
        return self.characters[start:end]

    def take(self, split: str, places: np.ndarray) -> Batch:
        """Return one-hot characters (T, B, 128) and the ones after them (T, B)."""
        part = self.part(split)
        return Batch(np.eye(CHARACTERS)[part[places]], part[places + 1])

    def baselines(self, *, length: int) -> Mapping[str, float]:
        """Return the bits per character of models that count what follows each run of 0 to 3 characters."""
        bits = count_model_bits(self.part("train"), self.part("test"), MOST, CHARACTERS)
        return {f"order-{order} counts": spent for order, spent in enumerate(bits)}


def text() -> str:
    """Return the topics in the order of their names, a line break between them."""
    from pydoc_data.topics import topics

    return "\n".join(topics[name] for name in sorted(topics))
