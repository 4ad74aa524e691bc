"""Batches of the data that a network is seen on: a file of its owner's, or a registered task."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from gradsuite.batch import Batch
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.tasks.files.query import named
from gradsuite.tasks.task import Task

FILES = {".csv": "csv", ".npz": "npz"}
ANY_LENGTH = 100  # time steps, of data that come in any length


def task_name(data: str | None, task: str | None, options: Mapping[str, str | int | bool]) -> str:
    """Return the name of the task that was asked for: `FILE.csv` is `csv:FILE.csv`, with these options.

    Raises UserError unless there is one of `data` and `task`, and for a file of another kind.
    """
    if (data is None) == (task is None):
        raise UserError("give the data, one of --data FILE.csv, --data FILE.npz and --task NAME")
    if task is not None:
        name = task
    elif ":" in (data or ""):
        name = str(data)
    else:
        kind = FILES.get(Path(str(data)).suffix.lower())
        if kind is None:
            raise UserError(f"{data!r} is no data: type FILE.csv, FILE.npz, csv:FILE, npz:FILE or --task NAME")
        name = f"{kind}:{data}"
    if options and ":" not in name:
        raise UserError(f"--{next(iter(options))} is for data of your own: --data FILE.csv or FILE.npz")
    return named(name, options) if options else name


def length_of(task: Task, length: int | None) -> int:
    """Return how many time steps a sequence has. Raises UserError for fewer than 1, or too many for the data."""
    steps = length if length is not None else task.only_length or ANY_LENGTH
    if steps < 1:
        raise UserError(f"length must be at least 1, not {steps}")
    task.check_length(steps)
    return steps


def batches(task: Task, model: Model, *, count: int, size: int, length: int) -> Sequence[Batch]:
    """Return the first batches that a training would begin with."""
    for name, value in (("batches", count), ("batch-size", size)):
        if value < 1:
            raise UserError(f"{name} must be at least 1, not {value}")
    return [task.training_batch(0, step, model, size=size, length=length) for step in range(count)]
