"""Tasks with a finite number of examples, in splits: images, utterances, windows of a series."""

from abc import abstractmethod
from collections.abc import Iterator
from functools import lru_cache
from typing import ClassVar

import numpy as np

from gradsuite.backend import Batch
from gradsuite.model import Model
from gradsuite.tasks.task import SPLITS, Task, split_number

SHUFFLED = 2**20  # examples up to which an epoch shows each once: a permutation of more is not kept in memory


class Dataset(Task):
    """A task whose examples are counted and taken by their places; epochs, batches and splits follow from that."""

    supply: ClassVar[str] = "finite"

    @abstractmethod
    def count(self, split: str, *, length: int) -> int:
        """Return how many examples a split has, with `length` time steps; 0 for a split that the data do not have.

        May raise UserError where none to train on has that length.
        """

    @abstractmethod
    def take(self, split: str, places: np.ndarray, model: Model, *, length: int) -> Batch:
        """Return the examples at these places (B), counted from 0 in their split, inputs (T, B, I).

        Raises UserError where the data have no sequence of that length.
        """

    def check_length(self, length: int) -> None:
        """Raise UserError if no example to train on has that length."""
        self.count("train", length=length)

    def batch(self, rng: np.random.Generator, model: Model, *, size: int, length: int) -> Batch:
        """Return training examples drawn with replacement."""
        return self.take("train", rng.integers(0, self.count("train", length=length), size), model, length=length)

    def training_batch(self, seed: int, step: int, model: Model, *, size: int, length: int) -> Batch:
        """Return the examples of a training step: epoch after epoch, each in an order of its own.

        A batch may end one epoch and begin the next. Of more than 2^20 examples each is drawn at random instead.
        """
        examples = self.count("train", length=length)
        if examples > SHUFFLED:
            return super().training_batch(seed, step, model, size=size, length=length)
        positions = step * size + np.arange(size)
        epochs, places = positions // examples, np.empty(size, np.int64)
        for epoch in np.unique(epochs):
            places[epochs == epoch] = _order(seed, int(epoch), examples)[positions[epochs == epoch] % examples]
        return self.take("train", places, model, length=length)

    def evaluation_batches(self, split: str, model: Model, *, size: int, length: int) -> Iterator[Batch]:
        """Yield all examples of a split in their order, none of a split that the data do not have."""
        split_number(split)
        examples = self.count(split, length=length)
        for start in range(0, examples, size):
            places = np.arange(start, min(start + size, examples))
            yield self.take(split, places, model, length=length)

    def steps_per_epoch(self, *, size: int, length: int) -> int | None:
        """Return how many steps show every example once."""
        return -(-self.count("train", length=length) // size)


@lru_cache(2)  # the epoch that a batch ends, and the one that it begins: a permutation costs more than a batch
def _order(seed: int, epoch: int, examples: int) -> np.ndarray:
    """Return the order of the examples in an epoch."""
    return np.random.default_rng([seed, SPLITS["train"], epoch]).permutation(examples)
