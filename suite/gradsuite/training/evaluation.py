"""A network judged: its score on a split."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gradsuite.backend import Network
from gradsuite.batch import Batch
from gradsuite.cells import find
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.tasks.task import Task, flatten

State = tuple[np.ndarray, ...]


def evaluate(network: Network, task: Task, split: str, *, size: int, length: int) -> float:
    """Return the mean score over a split, read in batches of at most `size`. Raises UserError for an empty split."""
    total, count = 0.0, 0
    state: State | None = None
    for batch in task.evaluation_batches(split, network.model, size=size, length=length):
        if task.carries:
            batch = replace(batch, state=state or zero_state(network.model, batch))
        tape = network.forward(network.put(readable(batch, network.model)))
        if tape.last_state is not None:
            state = tuple(map(network.fetch, tape.last_state))
        of_batch, counted = task.score.total(network.model, network.fetch(tape.outputs), batch)
        total, count = total + of_batch, count + counted
    if not count:
        raise UserError(f"{task.name} has no examples for {split}")
    return total / count


def readable(batch: Batch, model: Model) -> Batch:
    """Return the batch as the model reads it: one that is not recurrent reads all time steps at once."""
    return batch if model.recurrent else flatten(batch)


def zero_state(model: Model, batch: Batch) -> State:
    """Return states of zero to begin with, one array (layers, B, H) for each state of the cell."""
    shape = model.states_shape(batch.inputs.shape)[-3:]
    return tuple(np.zeros(shape) for _ in find(model.cell).states)


def has_split(task: Task, split: str, model: Model, *, length: int) -> bool:
    """Return whether a task has anything in this split."""
    batches: Iterator[Batch] = iter(task.evaluation_batches(split, model, size=1, length=length))
    return next(batches, None) is not None
