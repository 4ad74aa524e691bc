"""What a trained network is judged by: its loss, its accuracy, or bits per character."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradsuite.batch import Batch
from gradsuite.model import Model

Each = Callable[[np.ndarray, np.ndarray], np.ndarray]  # outputs (N, O) and targets (N, ...) to N numbers


@dataclass(frozen=True, slots=True)
class Score:
    """The mean of a number over all predictions of a split that count; `higher` says whether more of it is better."""

    name: str
    each: Each
    higher: bool = False
    unit: str = ""

    def total(self, model: Model, outputs: np.ndarray, batch: Batch) -> tuple[float, int]:
        """Return the sum over a batch's predictions, and how many there are: one per sequence, or one per step."""
        if model.readout == "all":
            outputs, targets = outputs[batch.valid], batch.targets[batch.valid]
        else:
            targets = batch.targets
        each = self.each(np.asarray(outputs, np.float64), targets)
        return float(each.sum()), len(each)

    def reached(self, value: float, goal: float) -> bool:
        """Return whether a value is as good as the goal."""
        return value >= goal if self.higher else value <= goal

    def better(self, value: float, other: float) -> bool:
        """Return whether a value is better than another; any number is better than NaN."""
        return value == value and (other != other or (value > other if self.higher else value < other))


def squared_error(outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Mean squared error over the outputs of each prediction."""
    each: np.ndarray = np.square(outputs - targets).mean(axis=-1)
    return each


def nats(outputs: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Negative log likelihood of each class under the softmax of the outputs."""
    largest = outputs.max(axis=-1)
    total = np.log(np.exp(outputs - largest[:, np.newaxis]).sum(axis=-1))
    each: np.ndarray = total + largest - outputs[np.arange(len(classes)), classes]
    return each


def bits(outputs: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The same in bits: what it costs to send each class."""
    return nats(outputs, classes) / np.log(2)


def right(outputs: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """1 where the largest output is that of the class, else 0; NaN is never right."""
    chosen = np.where(np.isnan(outputs).any(axis=-1), -1, outputs.argmax(axis=-1))
    return (chosen == classes).astype(np.float64)


def projection(outputs: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Inner product of each output with its direction."""
    each: np.ndarray = (outputs * directions).sum(axis=-1)
    return each


ACCURACY = Score("accuracy", right, higher=True)
BITS = Score("bits per character", bits, unit="bit")
# The loss itself, by the loss that a model has.
LOSS = {
    "mse": Score("mean squared error", squared_error),
    "cross_entropy": Score("cross entropy", nats, unit="nat"),
    "inner_product": Score("inner product", projection),
}
