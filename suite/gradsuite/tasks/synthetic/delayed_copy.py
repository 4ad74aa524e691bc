"""Delayed copy: at every step, the symbol that was read half a sequence ago."""

from collections.abc import Mapping

import numpy as np

from gradsuite.backend import Batch
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.tasks.task import Task

SYMBOLS = 8
BLANK = SYMBOLS  # the answer while nothing is due yet


class DelayedCopy(Task):
    """Random symbols of 8; the target is the symbol of D = T / 2 steps before, and blank for the first D steps."""

    name = "delayed-copy"
    summary = "repeat every symbol half a sequence later"
    source = "synthetic; the delayed reproduction of Jaeger 2001 (short-term memory), with symbols"
    input_size = SYMBOLS
    output_size = SYMBOLS + 1
    loss = "cross_entropy"
    readout = "all"

    def baselines(self, *, length: int) -> Mapping[str, float]:
        """Return the cross entropy per step of who knows when to answer, and guesses each symbol."""
        return {"nothing remembered": (length - length // 2) / length * float(np.log(SYMBOLS))}

    def batch(self, rng: np.random.Generator, model: Model, *, size: int, length: int) -> Batch:
        """Return one-hot inputs (T, B, 8) and classes (T, B). Raises UserError below 2 time steps."""
        if length < 2:
            raise UserError(f"delayed-copy needs a length of at least 2, not {length}")
        delay = length // 2
        symbols = rng.integers(0, SYMBOLS, (length, size))
        targets = np.full((length, size), BLANK)
        targets[delay:] = symbols[: length - delay]
        return Batch(np.eye(SYMBOLS)[symbols], targets)
