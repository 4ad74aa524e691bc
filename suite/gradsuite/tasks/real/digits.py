"""Handwritten digits, read row by row or pixel by pixel: real images that ship in scikit-learn."""

from collections.abc import Mapping
from functools import cache, cached_property

import numpy as np

from gradsuite.backend import Batch
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.tasks.classifying import logistic_regression
from gradsuite.tasks.dataset import Dataset
from gradsuite.tasks.score import ACCURACY, Score

ROWS = 8
PIXELS = ROWS * ROWS
IMAGES, TRAINED = 1797, 1437  # four fifths to learn from
# Drawn once: in scikit-learn's order the last images are by other writers than the first.
ORDER = np.random.default_rng(0).permutation(IMAGES)
SPLITS = {"train": ORDER[:TRAINED], "validation": ORDER[:0], "test": ORDER[TRAINED:]}


class Digits(Dataset):
    """1797 images of 8 x 8 pixels in [0, 1], ten classes; a time step is a row, from the top.

    1437 images, drawn once, are to learn from, and 360 to test. Who wrote them is not known: one hand may be in both.
    """

    name = "digits"
    summary = "handwritten digits of 8 x 8 pixels, one row per time step: ten classes"
    source = "scikit-learn load_digits (BSD-3); data: Alpaydin & Kaynak 1998, UCI Optical Recognition, CC BY 4.0"
    input_size = 8
    output_size = 10
    loss = "cross_entropy"
    readout = "last"
    only_length = ROWS

    @property
    def score(self) -> Score:
        """The share of images whose class is right."""
        return ACCURACY

    @cached_property
    def sequences(self) -> np.ndarray:
        """All images as they are read (1797, T, I)."""
        return load()[0].reshape(-1, self.only_length or ROWS, self.input_size)

    def count(self, split: str, *, length: int) -> int:
        """Return 1437 images to train on and 360 to test."""
        self._require(length)
        return len(SPLITS[split])

    def take(self, split: str, places: np.ndarray, model: Model, *, length: int) -> Batch:
        """Return images (T, B, I) and their classes (B). Raises UserError for another length than theirs."""
        self._require(length)
        chosen = SPLITS[split][places]
        return Batch(self.sequences[chosen].transpose(1, 0, 2), load()[1][chosen])

    def batch(self, rng: np.random.Generator, model: Model, *, size: int, length: int) -> Batch:
        """Return images of all splits drawn with replacement: for gradients, where nothing is learnt."""
        self._require(length)
        places = rng.integers(0, len(self.sequences), size)
        return Batch(self.sequences[places].transpose(1, 0, 2), load()[1][places])

    def baselines(self, *, length: int) -> Mapping[str, float]:
        """Return the accuracy of a guess, and of a logistic regression on all pixels."""
        images, classes = self.sequences.reshape(-1, PIXELS), load()[1]
        train, test = SPLITS["train"], SPLITS["test"]
        regression = logistic_regression(images[train], classes[train], images[test], classes[test])
        return {"a guess": 1 / self.output_size, "logistic regression": regression}

    def _require(self, length: int) -> None:
        if length != self.only_length:
            what = "rows" if self.only_length == ROWS else "pixels"
            raise UserError(
                f"{self.name} has images of {self.only_length} {what}: length must be {self.only_length}, not {length}"
            )


class DigitsByPixels(Digits):
    """The same images, a time step a pixel, row by row."""

    name = "digits-pixels"
    summary = "handwritten digits of 8 x 8 pixels, one pixel per time step: ten classes"
    input_size = 1
    only_length = PIXELS


class PermutedDigits(DigitsByPixels):
    """The same images, a time step a pixel, in an order that is drawn once: neighbours are no longer near in time."""

    name = "digits-permuted"
    summary = "handwritten digits of 8 x 8 pixels, one pixel per time step in a random order: ten classes"
    order = np.random.default_rng(0).permutation(PIXELS)

    @cached_property
    def sequences(self) -> np.ndarray:
        """All images as they are read (1797, 64, 1)."""
        return load()[0].reshape(-1, PIXELS, 1)[:, self.order]


@cache
def load() -> tuple[np.ndarray, np.ndarray]:
    """Return images (1797, 8, 8) with pixels in [0, 1], and their classes (1797)."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images / 16.0, digits.target
