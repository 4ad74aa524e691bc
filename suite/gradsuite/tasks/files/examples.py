"""`npz:FILE`: examples in arrays: inputs, targets, lengths and splits."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Self

import numpy as np

from gradsuite.batch import Batch
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.tasks.dataset import Dataset
from gradsuite.tasks.files.arrays import Arrays
from gradsuite.tasks.files.location import digest, locate, stamp
from gradsuite.tasks.files.members import members
from gradsuite.tasks.files.parts import parts
from gradsuite.tasks.files.query import Query
from gradsuite.tasks.files.scaling import Scaling
from gradsuite.tasks.pin import Pin
from gradsuite.tasks.score import ACCURACY, Score
from gradsuite.tasks.task import split_number

OPTIONS = ("split", "standardise", "sha256")


class Examples(Dataset):
    """Sequences with a target each, or with one at every step: classes if targets are whole numbers or text.

    Splits are those of the file; where it has none, examples are shared out at random, always alike.
    """

    name = "npz"
    form = "FILE"
    summary = "arrays of yours: inputs and targets, with lengths and splits if you have them"
    source = "your own file"

    def __init__(self, query: Query, arrays: Arrays, pin: Pin) -> None:
        """Take arrays and what is asked of them. Raises UserError for an option of no use, or splits that are none."""
        self.name = f"{query.scheme}:{query.file}"
        self.pin = pin
        self.arrays = arrays
        self.only_length = arrays.steps
        self.input_size = arrays.width
        self.output_size = arrays.outputs
        self.readout = arrays.readout
        self.loss = "cross_entropy" if arrays.classes else "mse"
        self.parts, self.shared = parts(arrays, query)
        self.standardised = query.flag("standardise")
        self.scaling = Scaling.none(self.input_size)
        if self.standardised:
            train = self.parts["train"]
            self.scaling = Scaling.measured(lambda: arrays.counting_steps(train), self.input_size)

    @classmethod
    def of(cls, argument: str) -> Self:
        """Return the task of FILE?split=.7;.15;.15&standardise=yes. Raises UserError for arrays of no use."""
        query = Query.of("npz", argument, OPTIONS)
        path = locate(query.file, query.text("sha256"))
        return cls(query, _arrays(path, stamp(path)), Pin(query.pinned(str(path), digest(path)), digest(path)))

    @property
    def score(self) -> Score:
        """Accuracy of classes, mean squared error of numbers."""
        return ACCURACY if self.arrays.classes else super().score

    def notes(self) -> tuple[str, ...]:
        """Say what was found, and how it is shared out."""
        arrays = self.arrays
        if arrays.classes:
            kind = f"one of {arrays.outputs} classes"
        else:
            kind = f"{arrays.outputs} number{'s' if arrays.outputs > 1 else ''}"
        counts = ", ".join(
            f"{len(places)} for {'training' if split == 'train' else split}" for split, places in self.parts.items()
        )
        said = [
            f"{len(arrays.inputs)} sequences of {arrays.steps} steps x {arrays.width} numbers"
            + ("" if arrays.lengths is None else f", {arrays.lengths.min()} to {arrays.lengths.max()} of them used"),
            f"targets: {kind} {'at every step' if self.readout == 'all' else 'for each sequence'}",
            f"{counts}, {self.shared}",
        ]
        if self.standardised:
            said.append("inputs standardised by mean and deviation of the training sequences")
        return (*said, *arrays.notes)

    def count(self, split: str, *, length: int) -> int:
        """Return how many sequences a split has."""
        split_number(split)
        return len(self.parts[split])

    def take(self, split: str, places: np.ndarray, model: Model, *, length: int) -> Batch:
        """Return sequences (T, B, I), their targets, and lengths if there are any. Raises UserError for another T."""
        arrays = self.arrays
        if length != arrays.steps:
            raise UserError(f"{self.name} has sequences of {arrays.steps} steps: length must be that, not {length}")
        chosen = self.parts[split][places]
        batch = Batch(
            self.scaling.apply(arrays.batch(chosen)).transpose(1, 0, 2),
            arrays.wanted(chosen),
            lengths=None if arrays.lengths is None else arrays.lengths[chosen].astype(np.int64),
        )
        return batch.without_padding(model)

    def baselines(self, *, length: int) -> Mapping[str, float]:
        """Return what the most frequent class, or the mean target, of the training split scores on the test."""
        train, test = self.parts["train"], self.parts["test"]
        if not len(test):
            return {}
        if self.arrays.classes:
            counts = sum(np.bincount(one, minlength=self.output_size) for one in self.arrays.counting_targets(train))
            share = [(one == np.argmax(counts)) for one in self.arrays.counting_targets(test)]
            return {"most frequent class": float(np.concatenate(share).mean())}
        scaling = Scaling.measured(lambda: self.arrays.counting_targets(train), self.output_size)
        errors = [np.square(one - scaling.mean).mean(axis=-1) for one in self.arrays.counting_targets(test)]
        return {"mean": float(np.concatenate(errors).mean())}


@lru_cache(4)
def _arrays(path: Path, stamp: tuple[int, int]) -> Arrays:
    return Arrays.of(path.name, members(path, stamp))
