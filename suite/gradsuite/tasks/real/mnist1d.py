"""MNIST-1D: ten shapes in 40 noisy steps, made by the generator that ships in its package."""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property

import numpy as np

from gradsuite.backend import Batch
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.tasks.classifying import logistic_regression
from gradsuite.tasks.dataset import Dataset
from gradsuite.tasks.score import ACCURACY, Score

STEPS = 40


class MNIST1D(Dataset):
    """4,000 sequences to learn from and 1,000 to test, of 40 steps, ten classes: a digit's outline, moved and noisy.

    The data are those of the package's own seed. Greydanus 2020 has .32 for a logistic regression, .68 for an MLP, .91
    for a GRU and .94 for a convolutional network.
    """

    name = "mnist1d"
    summary = "ten outlines in 40 noisy steps: ten classes"
    source = "mnist1d (Apache-2.0), made by its generator; Greydanus 2020, Scaling down deep learning"
    input_size = 1
    output_size = 10
    loss = "cross_entropy"
    readout = "last"
    only_length = STEPS

    @property
    def score(self) -> Score:
        """The share of sequences whose class is right."""
        return ACCURACY

    @cached_property
    def examples(self) -> Mapping[str, np.ndarray]:
        """Sequences and classes by the package's names: x (4000, 40), y (4000), x_test (1000, 40), y_test (1000)."""
        from mnist1d.data import get_dataset_args, make_dataset

        with own_generators():
            made: Mapping[str, np.ndarray] = make_dataset(get_dataset_args())
        return made

    def count(self, split: str, *, length: int) -> int:
        """Return 4,000 sequences to train on and 1,000 to test."""
        self._require(length)
        return {"train": len(self.examples["y"]), "validation": 0, "test": len(self.examples["y_test"])}[split]

    def take(self, split: str, places: np.ndarray, model: Model, *, length: int) -> Batch:
        """Return sequences (40, B, 1) and their classes (B). Raises UserError unless length is 40."""
        self._require(length)
        end = "_test" if split == "test" else ""
        sequences, classes = self.examples[f"x{end}"][places], self.examples[f"y{end}"][places]
        return Batch(sequences.T[..., np.newaxis].copy(), classes)

    def baselines(self, *, length: int) -> Mapping[str, float]:
        """Return the accuracy of a guess, and of a logistic regression on all steps."""
        x, y, x_test, y_test = (self.examples[name] for name in ("x", "y", "x_test", "y_test"))
        return {"a guess": 1 / self.output_size, "logistic regression": logistic_regression(x, y, x_test, y_test)}

    def _require(self, length: int) -> None:
        if length != STEPS:
            raise UserError(f"mnist1d has sequences of {STEPS} steps: length must be {STEPS}, not {length}")


@contextmanager
def own_generators() -> Iterator[None]:
    """Leave the generators of Python and of NumPy, which the package seeds, as they were."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002  the package draws from this one
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
