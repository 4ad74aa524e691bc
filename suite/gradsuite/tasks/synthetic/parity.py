"""The parity problem: whether an odd number of the bits of a sequence is set."""

from collections.abc import Mapping

import numpy as np

from gradsuite.backend import Batch
from gradsuite.model import Model
from gradsuite.tasks.score import ACCURACY, Score
from gradsuite.tasks.task import Task


class Parity(Task):
    """Random bits, as -1 and 1; the class is 1 if an odd number of them is 1.

    Any bit that is missed leaves a guess, so nothing short of the whole sequence is worth anything.
    """

    name = "parity"
    summary = "whether an odd number of random bits is set: two classes"
    source = "synthetic; Bengio, Simard & Frasconi 1994"
    input_size = 1
    output_size = 2
    loss = "cross_entropy"
    readout = "last"
    solved = 0.99

    @property
    def score(self) -> Score:
        """The share of sequences whose parity is right."""
        return ACCURACY

    def baselines(self, *, length: int) -> Mapping[str, float]:
        """Return the accuracy of a guess: that of anyone who has missed a bit."""
        return {"a bit missed": 1 / 2}

    def batch(self, rng: np.random.Generator, model: Model, *, size: int, length: int) -> Batch:
        """Return inputs (T, B, 1) of -1 and 1, and classes (B)."""
        bits = rng.integers(0, 2, (length, size))
        return Batch(2.0 * bits[..., np.newaxis] - 1.0, bits.sum(axis=0) % 2)
