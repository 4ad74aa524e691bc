"""Tasks made of one long sequence: read in lanes, piece after piece, with the states carried on."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from gradsuite.backend import Batch
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.tasks.task import Task, split_number


class Stream(Task):
    """A sequence of N steps, with a target for each: `size` lanes of N / size steps, of which a batch is a piece.

    Batch k carries on where batch k - 1 ended, until the lanes end: then they restart, with states of zero.
    """

    readout = "all"
    carries: ClassVar[bool] = True
    supply: ClassVar[str] = "one sequence"

    @abstractmethod
    def steps(self, split: str) -> int:
        """Return how many steps a split has; 0 for a split that the data do not have."""

    @abstractmethod
    def take(self, split: str, places: np.ndarray) -> Batch:
        """Return inputs and targets of the steps at these places (T, B), counted from 0 in their split."""

    def batch(self, rng: np.random.Generator, model: Model, *, size: int, length: int) -> Batch:
        """Return pieces of the training split that begin anywhere, inputs (T, B, I)."""
        starts = rng.integers(0, self.steps("train") - self._pieced("train", 1, length) + 1, size)
        return self.take("train", starts + np.arange(length)[:, np.newaxis])

    def training_batch(self, seed: int, step: int, model: Model, *, size: int, length: int) -> Batch:
        """Return the next piece of every lane; seeds make no difference, for a sequence has one order."""
        pieces = self._pieces("train", size, length)
        return self._piece("train", step % pieces, size, length)

    def restarts(self, step: int, *, size: int, length: int) -> bool:
        """Return whether a training step is the first of its lanes."""
        return step % self._pieces("train", size, length) == 0

    def evaluation_batches(self, split: str, model: Model, *, size: int, length: int) -> Iterator[Batch]:
        """Yield the pieces of a split in their order: each carries on where the one before ended."""
        split_number(split)
        if not self.steps(split):
            return
        size = max(1, min(size, self.steps(split) // length))
        for piece in range(self._pieces(split, size, length)):
            yield self._piece(split, piece, size, length)

    def steps_per_epoch(self, *, size: int, length: int) -> int | None:
        """Return how many batches a lane has."""
        return self._pieces("train", size, length)

    def _pieces(self, split: str, size: int, length: int) -> int:
        return self.steps(split) // size // self._pieced(split, size, length)

    def _pieced(self, split: str, size: int, length: int) -> int:
        """Return the length. Raises UserError if the lanes are shorter than one piece."""
        if self.steps(split) // size < length:
            raise UserError(
                f"{self.name} has {self.steps(split)} steps for {split}: {size} x {length} (batch size x length) "
                f"must be at most that"
            )
        return length

    def _piece(self, split: str, piece: int, size: int, length: int) -> Batch:
        lane = self.steps(split) // size
        places = np.arange(size) * lane + piece * length + np.arange(length)[:, np.newaxis]
        return self.take(split, places)
