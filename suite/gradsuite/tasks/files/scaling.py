"""Mean and standard deviation of data that are read in chunks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Scaling:
    """What is taken from each column, and what it is then divided by, each (W)."""

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def measured(cls, chunks: Callable[[], Iterable[np.ndarray]], width: int) -> "Scaling":
        """Return mean and standard deviation of all rows (n, W) of the chunks, which are gone through twice.

        A column that does not vary has the deviation 1.
        """
        count, total, squares = 0, np.zeros(width), np.zeros(width)
        for chunk in chunks():
            count += len(chunk)
            total += chunk.sum(axis=0)
        mean = total / max(1, count)
        for chunk in chunks():  # around the mean: a difference of large squares would lose what is small
            squares += np.square(chunk - mean).sum(axis=0)
        deviation = np.sqrt(squares / max(1, count))
        return cls(mean, np.where(deviation > 0, deviation, 1.0))

    @classmethod
    def none(cls, width: int) -> "Scaling":
        """Return the scaling that leaves all as it is."""
        return cls(np.zeros(width), np.ones(width))

    def apply(self, values: np.ndarray, column: int | slice | list[int] = slice(None)) -> np.ndarray:
        """Return the scaled values (..., W), or those of one column or a few."""
        scaled: np.ndarray = (values - self.mean[column]) / self.deviation[column]
        return scaled
