"""Handwritten digits, read row by row: real images that ship in scikit-learn."""

from functools import cache

import numpy as np

from gradsuite.backend import Batch
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.tasks.task import Task

ROWS = 8


class Digits(Task):
    """1797 images of 8 x 8 pixels in [0, 1], ten classes; a time step is a row, from the top."""

    name = "digits"
    summary = "handwritten digits of 8 x 8 pixels, one row per time step: ten classes"
    source = "scikit-learn load_digits (BSD-3); data: Alpaydin & Kaynak 1998, UCI Optical Recognition, CC BY 4.0"
    input_size = 8
    output_size = 10
    loss = "cross_entropy"
    readout = "last"
    only_length = ROWS

    def batch(self, rng: np.random.Generator, model: Model, *, size: int, length: int) -> Batch:
        """Return images drawn with replacement (8, B, 8) and their classes (B). Raises UserError unless length is 8."""
        if length != ROWS:
            raise UserError(f"digits has images of {ROWS} rows: length must be {ROWS}, not {length}")
        images, classes = load()
        places = rng.integers(0, len(classes), size)
        return Batch(images[places].transpose(1, 0, 2), classes[places])


@cache
def load() -> tuple[np.ndarray, np.ndarray]:
    """Return images (1797, 8, 8) with pixels in [0, 1], and their classes (1797)."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images / 16.0, digits.target
