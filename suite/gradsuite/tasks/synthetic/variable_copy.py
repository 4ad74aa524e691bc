"""Copy memory with a variable number of symbols: sequences of different lengths."""

from collections.abc import Mapping

import numpy as np

from gradsuite.backend import Batch
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.tasks.task import Task

SYMBOLS, BLANK, MARKER = 8, 8, 9  # 0 to 7 are what has to be remembered
MOST = 10  # symbols to remember, at least 1


class VariableCopy(Task):
    """K symbols of 8 with K from 1 to 10, blanks, a marker, K blanks; the target is blank but for the K symbols.

    The blanks between are as many in all sequences, so that the longest have all T steps and the others T - 2 (10 - K):
    a batch has `lengths`.
    """

    name = "variable-copy"
    summary = "repeat one to ten symbols after a long blank: sequences of several lengths"
    source = "synthetic; Arjovsky, Shah & Bengio 2016, sec. 5.1, with a variable number of symbols"
    input_size = SYMBOLS + 2
    output_size = SYMBOLS + 2
    loss = "cross_entropy"
    readout = "all"

    def baselines(self, *, length: int) -> Mapping[str, float]:
        """Return the cross entropy per step of who knows when to answer, and guesses each symbol.

        It is the mean number of symbols, times ln 8, over the mean number of steps.
        """
        symbols = (1 + MOST) / 2
        return {"nothing remembered": symbols * float(np.log(SYMBOLS)) / (length - 2 * (MOST - symbols))}

    def batch(self, rng: np.random.Generator, model: Model, *, size: int, length: int) -> Batch:
        """Return one-hot inputs (T, B, 10), classes (T, B) and lengths (B). Raises UserError below 21 time steps."""
        if length < 2 * MOST + 1:
            raise UserError(f"variable-copy needs a length of at least {2 * MOST + 1}, not {length}")
        counts = rng.integers(1, MOST + 1, size)
        lengths = length - 2 * (MOST - counts)
        remembered = rng.integers(0, SYMBOLS, (MOST, size))
        symbols = np.full((length, size), BLANK)
        targets = symbols.copy()
        for example, (count, end) in enumerate(zip(counts, lengths, strict=True)):
            symbols[:count, example] = targets[end - count : end, example] = remembered[:count, example]
            symbols[end - count - 1, example] = MARKER
        return Batch(np.eye(self.input_size)[symbols], targets, lengths=lengths)
