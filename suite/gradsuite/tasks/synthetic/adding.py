"""The adding problem: the sum of two marked numbers in a long sequence."""

from collections.abc import Mapping

import numpy as np

from gradsuite.backend import Batch
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.tasks.task import Task


class Adding(Task):
    """Inputs (x, marker), x ~ U(0, 1), one marker in each half; the target is the sum of the two marked numbers.

    The best constant answers 1 with mean squared error 1/6; who knows one of the numbers has 1/12.
    """

    name = "adding"
    summary = "sum of two marked numbers, one in each half of the sequence"
    source = "synthetic; Hochreiter & Schmidhuber 1997, sec. 5.4, with the range of Arjovsky et al. 2016"
    input_size = 2
    output_size = 1
    loss = "mse"
    readout = "last"
    solved = 0.01

    def baselines(self, *, length: int) -> Mapping[str, float]:
        """Return the variance of the sum of two numbers from U(0, 1), and what is left of it if one is known."""
        return {"best constant": 1 / 6, "one number known": 1 / 12}

    def batch(self, rng: np.random.Generator, model: Model, *, size: int, length: int) -> Batch:
        """Return inputs (T, B, 2) and targets (B, 1). Raises UserError below 2 time steps."""
        if length < 2:
            raise UserError(f"adding needs a length of at least 2, one number in each half, not {length}")
        examples = np.arange(size)
        marked = (rng.integers(0, length // 2, size), rng.integers(length // 2, length, size))
        inputs = np.zeros((length, size, 2))
        inputs[..., 0] = rng.uniform(size=(length, size))
        for positions in marked:
            inputs[positions, examples, 1] = 1.0
        targets = sum(inputs[positions, examples, 0] for positions in marked)
        return Batch(inputs, np.reshape(targets, (size, 1)))
