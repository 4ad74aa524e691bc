"""The temporal order problem: which of two symbols came at two places far apart."""

from collections.abc import Mapping

import numpy as np

from gradsuite.backend import Batch
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.tasks.score import ACCURACY, Score
from gradsuite.tasks.task import Task


class TemporalOrder(Task):
    """Six one-hot symbols: A or B at a step in [.1T, .2T) and at one in [.5T, .6T), elsewhere c, d, e or f.

    The class is 2 (first is B) + (second is B): AA, AB, BA, BB. Solved: at most 1% are wrong.
    """

    name = "temporal-order"
    summary = "which of two symbols stood early, and which in the middle: four classes"
    source = "synthetic; Pascanu, Mikolov & Bengio 2013, sec. 4.1, after Hochreiter & Schmidhuber 1997"
    input_size = 6
    output_size = 4
    loss = "cross_entropy"
    readout = "last"
    solved = 0.99

    @property
    def score(self) -> Score:
        """The share of sequences whose class is right."""
        return ACCURACY

    def baselines(self, *, length: int) -> Mapping[str, float]:
        """Return the accuracy of a guess, and of one that knows one of the two symbols."""
        return {"a guess": 1 / 4, "one symbol known": 1 / 2}

    def batch(self, rng: np.random.Generator, model: Model, *, size: int, length: int) -> Batch:
        """Return one-hot inputs (T, B, 6) and classes (B). Raises UserError below 10 time steps."""
        tenth = length // 10
        if tenth < 1:
            raise UserError(f"temporal-order needs a length of at least 10, not {length}")
        symbols = rng.integers(2, self.input_size, (length, size))
        relevant = rng.integers(0, 2, (2, size))
        for start, symbol in zip((tenth, length // 2), relevant, strict=True):
            symbols[start + rng.integers(0, tenth, size), np.arange(size)] = symbol
        return Batch(np.eye(self.input_size)[symbols], 2 * relevant[0] + relevant[1])
