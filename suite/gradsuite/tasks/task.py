"""What a task is: batches of a fixed input width, with the loss and readout that suit them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from gradsuite.backend import Batch
from gradsuite.cells import find
from gradsuite.errors import UserError, unknown
from gradsuite.model import Model
from gradsuite.tasks.score import LOSS, Score

if TYPE_CHECKING:
    from gradsuite.tasks.pin import Pin

# The splits of every task; what stands beside them seeds the batches that a task without an end draws for each.
SPLITS = {"train": 0, "validation": 1, "test": 2}
EVALUATED = {"train": 1_000, "validation": 1_000, "test": 10_000}  # sequences drawn to judge a network by


class Task(ABC):
    """Where batches come from.

    `output_size` is 0 for a task without a readout. `source` says where the data come from and under which licence.
    `only_length` is the number of time steps of a task whose sequences all have the same, None where any will do.

    To learn from: `score` is what a trained network is judged by, by default its loss, and `solved` the score at which
    the literature calls the task solved, None where it has no such thing. A task that `carries` hands out the pieces of
    long sequences, one after another: states are carried from batch to batch.

    A task that needs to be told something has a `form`, what its name has after a colon: `csv` has FILE?target=COLUMN,
    and `of` makes the task of what was typed there; its sizes are then the instance's. One that reads a file has a
    `pin` to it.
    """

    name: str
    summary: str
    source: str
    input_size: int
    output_size: int
    loss: str
    readout: str
    only_length: int | None = None
    solved: float | None = None
    carries: ClassVar[bool] = False
    form: ClassVar[str] = ""
    supply: ClassVar[str] = "without end"  # of examples: drawn as long as anyone asks, or a finite number
    pin: "Pin | None" = None

    @classmethod
    def of(cls, argument: str) -> Self:
        """Return the task that `NAME:argument` means. Raises UserError for an argument of no use, as any is here."""
        raise UserError(f"task {cls.name!r} takes nothing after its name, not {argument!r}: type {cls.name}")

    def notes(self) -> tuple[str, ...]:
        """Return what there is to say of its data, a sentence each: what was read, left out, or done to them."""
        return ()

    @property
    def score(self) -> Score:
        """What a trained network is judged by."""
        return LOSS[self.loss]

    def check_length(self, length: int) -> None:  # noqa: B027  any length will do
        """Raise UserError if the data are too few for sequences of `length` time steps, where that is known at once."""

    @abstractmethod
    def batch(self, rng: np.random.Generator, model: Model, *, size: int, length: int) -> Batch:
        """Return a batch of `size` sequences of `length` time steps, inputs (T, B, I); the same for the same rng state.

        Raises UserError where the data have no sequence of that length.
        """

    def training_batch(self, seed: int, step: int, model: Model, *, size: int, length: int) -> Batch:
        """Return the batch of a training step (from 0): the same bits for the same arguments, whatever came before.

        A task without an end draws it; one of finite examples goes through them in epochs (`Dataset`).
        """
        return self.batch(np.random.default_rng([seed, SPLITS["train"], step]), model, size=size, length=length)

    def evaluation_batches(self, split: str, model: Model, *, size: int, length: int) -> Iterator[Batch]:
        """Yield the batches of at most `size` sequences that a network is judged on, the same at every call.

        A task without an end draws 1,000 sequences for `validation`, 10,000 for `test`. Raises UserError for a split
        that is none of SPLITS.
        """
        rng = np.random.default_rng([0, split_number(split), 0])
        left = EVALUATED[split]
        while left > 0:
            yield self.batch(rng, model, size=min(size, left), length=length)
            left -= size

    def restarts(self, step: int, *, size: int, length: int) -> bool:
        """Return whether a training step begins with states of zero; always, unless the task `carries`."""
        return True

    def steps_per_epoch(self, *, size: int, length: int) -> int | None:
        """Return how many steps show every example once; None for a task without an end."""
        return None

    def baselines(self, *, length: int) -> Mapping[str, float]:
        """Return what simple answers score, by name: exact, or fitted to the training split and judged on the test.

        None by default. They are drawn beside every learning curve.
        """
        return {}

    def model(
        self, cell: str, hidden_size: int, *, num_layers: int = 1, activation: str = "tanh", length: int = 1
    ) -> Model:
        """Return the model that reads this task's batches: all `length` steps at once, if its cell is not recurrent."""
        steps = 1 if find(cell).recurrent else length
        return Model(
            cell=cell,
            input_size=self.input_size * steps,
            hidden_size=hidden_size,
            output_size=self.output_size,
            num_layers=num_layers,
            activation=activation,
            readout=self.readout,
            loss=self.loss,
        )


def split_number(split: str) -> int:
    """Return the number of a split. Raises UserError, with the nearest name, if there is none of this name."""
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    return SPLITS[split]


def flatten(batch: Batch) -> Batch:
    """Return the batch for `mlp`: inputs (T, B, I) become (B, T I), each example's time steps one after another."""
    steps, size, width = batch.inputs.shape
    return Batch(batch.inputs.transpose(1, 0, 2).reshape(size, steps * width), batch.targets)
