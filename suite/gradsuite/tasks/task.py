"""What a task is: batches of a fixed input width, with the loss and readout that suit them."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from gradsuite.backend import Batch
from gradsuite.cells import find
from gradsuite.model import Model


class Task(ABC):
    """Where batches come from.

    `output_size` is 0 for a task without a readout. `source` says where the data come from and under which licence.
    `only_length` is the number of time steps of a task whose sequences all have the same, None where any will do.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]
    input_size: ClassVar[int]
    output_size: ClassVar[int]
    loss: ClassVar[str]
    readout: ClassVar[str]
    only_length: ClassVar[int | None] = None

    @abstractmethod
    def batch(self, rng: np.random.Generator, model: Model, *, size: int, length: int) -> Batch:
        """Return a batch of `size` sequences of `length` time steps, inputs (T, B, I); the same for the same rng state.

        Raises UserError where the data have no sequence of that length.
        """

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


def flatten(batch: Batch) -> Batch:
    """Return the batch for `mlp`: inputs (T, B, I) become (B, T I), each example's time steps one after another."""
    steps, size, width = batch.inputs.shape
    return Batch(batch.inputs.transpose(1, 0, 2).reshape(size, steps * width), batch.targets)
