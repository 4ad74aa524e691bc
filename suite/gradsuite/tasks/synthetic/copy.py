"""The copy-memory problem: repeat ten symbols after a long blank."""

from collections.abc import Mapping

import numpy as np

from gradsuite.backend import Batch
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.tasks.task import Task

SYMBOLS, BLANK, MARKER = 8, 8, 9  # 0 to 7 are what has to be remembered
REMEMBERED = 10


class Copy(Task):
    """Ten symbols of 8, blanks, a marker, ten blanks; the target is blank but for the ten symbols at the end.

    Who remembers nothing has a loss of 10 ln 8 / length.
    """

    name = "copy"
    summary = "repeat ten symbols after a long blank"
    source = "synthetic; Arjovsky, Shah & Bengio 2016, sec. 5.1"
    input_size = SYMBOLS + 2
    output_size = SYMBOLS + 2
    loss = "cross_entropy"
    readout = "all"

    def baselines(self, *, length: int) -> Mapping[str, float]:
        """Return the cross entropy per step of who knows when to answer, and guesses the ten symbols."""
        return {"nothing remembered": REMEMBERED * float(np.log(SYMBOLS)) / length}

    def batch(self, rng: np.random.Generator, model: Model, *, size: int, length: int) -> Batch:
        """Return one-hot inputs (T, B, 10) and classes (T, B). Raises UserError below 21 time steps."""
        if length < 2 * REMEMBERED + 1:
            raise UserError(f"copy needs a length of at least {2 * REMEMBERED + 1}, not {length}")
        remembered = rng.integers(0, SYMBOLS, (REMEMBERED, size))
        symbols = np.full((length, size), BLANK)
        targets = symbols.copy()
        symbols[:REMEMBERED] = targets[-REMEMBERED:] = remembered
        symbols[-REMEMBERED - 1] = MARKER
        return Batch(np.eye(self.input_size)[symbols], targets)
