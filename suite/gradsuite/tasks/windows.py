"""Tasks made of a series: a window of it in, what comes next out; learnt from the past, judged on the future."""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from gradsuite.backend import Batch
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.tasks.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Series:
    """What is read and what is forecast at N times, (N, I) and (N, O); `ends` are those of the splits, in their order.

    Targets before the first end are to learn from, those between the first and the second to validate, those up to the
    third to test.
    """

    inputs: np.ndarray
    targets: np.ndarray
    ends: tuple[int, int, int]

    def bounds(self, split: str) -> tuple[int, int]:
        """Return the first target of a split, and the end of it."""
        train, validation, test = self.ends
        return {"train": (0, train), "validation": (train, validation), "test": (validation, test)}[split]


class Windows(Dataset):
    """A task of windows: the `length` inputs before a target, and the target. No window reads its target's own time."""

    loss = "mse"
    readout = "last"

    @property
    @abstractmethod
    def series(self) -> Series:
        """The series, standardised by its training part; the same at every call."""

    def count(self, split: str, *, length: int) -> int:
        """Return how many targets of a split have `length` steps before them.

        Raises UserError if none to train on has.
        """
        first, end = self._range(split, length)
        if split == "train" and end <= first:
            longest = self.series.ends[0] - 1
            raise UserError(
                f"{self.name} has {self.series.ends[0]} steps to learn from: length must be at most {longest}"
            )
        return max(0, end - first)

    def take(self, split: str, places: np.ndarray, model: Model, *, length: int) -> Batch:
        """Return windows (T, B, I) and the targets after them (B, O)."""
        at = self._range(split, length)[0] + places
        inputs = self.series.inputs[at + np.arange(-length, 0)[:, np.newaxis]]
        return Batch(np.asarray(inputs, np.float64), np.asarray(self.series.targets[at], np.float64))

    def _range(self, split: str, length: int) -> tuple[int, int]:
        first, end = self.series.bounds(split)
        return max(first, length), end

    def persistence(self, steps: int = 1, split: str = "test") -> float:
        """Return the mean squared error of the target so many steps before: one step, or one season."""
        targets, (first, end) = self.series.targets, self.series.bounds(split)
        first = max(first, steps)
        return float(np.square(targets[first:end] - targets[first - steps : end - steps]).mean())

    def mean(self) -> float:
        """Return the mean squared error on the test of the mean of the training targets."""
        targets, (first, end) = self.series.targets, self.series.bounds("test")
        return float(np.square(targets[first:end] - targets[: self.series.ends[0]].mean(axis=0)).mean())

    def autoregression(self, order: int, split: str = "test") -> float:
        """Return the mean squared error of an AR(p) with a constant, fitted to the training part by least squares."""
        (first, end), targets = self.series.bounds(split), self.series.targets
        lags = np.concatenate([targets[order - k - 1 : len(targets) - k - 1] for k in range(order)], axis=1)
        lags = np.concatenate([np.ones((len(lags), 1)), lags], axis=1)  # row k is of target order + k
        trained = self.series.ends[0] - order
        weights = np.linalg.lstsq(lags[:trained], targets[order : self.series.ends[0]])[0]
        errors = targets[order:] - lags @ weights
        return float(np.square(errors[max(0, first - order) : end - order]).mean())


def standardised(values: np.ndarray, train: int) -> np.ndarray:
    """Return values (N, ...) less their mean over their standard deviation, both of the first `train` alone."""
    known = values[:train]
    result: np.ndarray = (values - known.mean(axis=0)) / known.std(axis=0)
    return result


def by_shares(count: int, train: float = 0.7, validation: float = 0.15) -> tuple[int, int, int]:
    """Return the ends of the splits of `count` targets, by their shares; the test has the rest."""
    return round(train * count), round((train + validation) * count), count
