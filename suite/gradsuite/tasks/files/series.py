"""`csv:FILE`: a series by rows; a window of them is read, and a column is foretold."""

from collections.abc import Iterator, Mapping
from typing import Self

import numpy as np

from gradsuite.batch import Batch
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.tasks.dataset import Dataset
from gradsuite.tasks.files.forecasts import class_baselines, forecasts
from gradsuite.tasks.files.location import digest, locate, stamp
from gradsuite.tasks.files.query import Query
from gradsuite.tasks.files.scaling import Scaling
from gradsuite.tasks.files.splits import bounds
from gradsuite.tasks.files.table import Table, table
from gradsuite.tasks.pin import Pin
from gradsuite.tasks.score import ACCURACY, Score
from gradsuite.tasks.task import split_number

OPTIONS = ("target", "horizon", "inputs", "window", "split", "standardise", "missing", "decimal", "sha256")
JUDGED = 10_000  # windows of a split that a network is judged on, evenly spaced, if there are more
LARGE = 10.0  # mean or deviation of an input above which a hint to standardise is due


class CSV(Dataset):
    """Windows of T rows; the target is the value of one column, `horizon` rows after the window's last.

    Splits follow each other in time and share out the targets: a window may reach back into the split before, and no
    target of one split is a target, or an input, of a split before it. A target that is text is a class. Any T will do,
    unless the name has a window.
    """

    name = "csv"
    form = "FILE?target=COLUMN"
    summary = "rows of a CSV file of yours: foretell a column; classify, if that is text"
    source = "your own file"
    readout = "last"

    def __init__(self, query: Query, data: Table, pin: Pin) -> None:
        """Take a table and what is asked of it. Raises UserError for an option of no use."""
        self.name = f"{query.scheme}:{query.file}"
        self.pin = pin
        self.table = data
        self.horizon = query.whole("horizon", 1, minimum=1)
        self.bounds = bounds(query, len(data.rows))
        self.standardised = query.flag("standardise")
        self.input_size = len(data.inputs)
        self.output_size = len(data.classes) or 1
        self.loss = "cross_entropy" if data.classes else "mse"
        self.columns = list(data.inputs)
        self.measured = self._measured()
        self.scaling = self.measured if self.standardised else Scaling.none(data.rows.width)
        if "window" in query.options:
            self.only_length = query.whole("window", 1, minimum=1)
            self.check_length(self.only_length)

    @classmethod
    def of(cls, argument: str) -> Self:
        """Return the task of FILE?target=COLUMN&horizon=1&inputs=A;B&split=.7;.15;.15&standardise=yes.

        Raises UserError for an unknown option, and for a file that cannot be learnt from as it is.
        """
        query = Query.of("csv", argument, OPTIONS)
        path = locate(query.file, query.text("sha256"))
        data = table("csv", argument, path, stamp(path), OPTIONS)
        return cls(query, data, Pin(query.pinned(str(path), digest(path)), digest(path)))

    @property
    def score(self) -> Score:
        """Accuracy of classes, mean squared error of numbers."""
        return ACCURACY if self.table.classes else super().score

    def notes(self) -> tuple[str, ...]:
        """Say what is read, what is left out, and how it is shared out."""
        data, (_, train), (_, validation) = self.table, self.bounds["train"], self.bounds["validation"]
        inputs = ", ".join(data.names[place] for place in data.inputs)
        total, target = len(data.rows), data.names[data.target]
        steps = f"{self.horizon} row{'s' if self.horizon > 1 else ''} after the window"
        said = [
            f"inputs: {inputs}; target: {target}, {steps}",
            f"{total} rows in their order: targets of {train} for training, {validation - train} for validation, "
            f"{total - validation} for test",
        ]
        if data.classes:
            said.append(f"{target!r} is read as one of {len(data.classes)} classes: {', '.join(data.classes)}")
        if self.standardised:
            said.append("standardised by mean and deviation of the training rows; so are scores")
        elif (np.abs([self.measured.mean, self.measured.deviation])[:, self.columns] > LARGE).any():
            said.append("inputs have large means or deviations: standardise=yes helps a network to learn from them")
        if any(stop - start > JUDGED for start, stop in self.bounds.values()):
            said.append(f"a network is judged on {JUDGED} windows of a split, evenly spaced")
        return (*said, *data.notes)

    def count(self, split: str, *, length: int) -> int:
        """Return how many windows end in a target of this split. Raises UserError if there is none to train on."""
        split_number(split)
        if self.only_length not in (None, length):
            raise UserError(f"{self.name} has windows of {self.only_length} rows: length must be that, not {length}")
        start, stop = self.bounds[split]
        windows = stop - max(start, self._first(length))
        if split == "train" and windows < 1:
            most = stop - self.horizon
            advice = f"at most {most} steps fit" if most > 0 else "no window fits"
            raise UserError(
                f"{self.name} has {stop} rows for training: too few for {length} time steps and a horizon of "
                f"{self.horizon}; {advice}"
            )
        return max(0, windows)

    def check_length(self, length: int) -> None:
        """Raise UserError if there is no window of that length to train on."""
        self.count("train", length=length)

    def take(self, split: str, places: np.ndarray, model: Model, *, length: int) -> Batch:
        """Return windows (T, B, I) and targets (B, 1), or classes (B)."""
        rows, targets = self.table.rows.read(), self.targets(split, places, length=length)
        steps = targets - self.horizon - np.arange(length)[::-1, np.newaxis]
        inputs = self.scaling.apply(rows[steps[..., np.newaxis], self.columns], self.columns)
        column = self.table.target
        if self.table.classes:
            return Batch(inputs, rows[targets, column].astype(np.int64))
        return Batch(inputs, self.scaling.apply(rows[targets, column], column)[:, np.newaxis])

    def targets(self, split: str, places: np.ndarray, *, length: int) -> np.ndarray:
        """Return the rows of the targets at these places of a split."""
        return places + max(self.bounds[split][0], self._first(length))

    def judged(self, split: str, *, length: int) -> np.ndarray:
        """Return the places of a split that a network is judged on: all, or 10,000 evenly spaced."""
        windows = self.count(split, length=length)
        return np.arange(min(windows, JUDGED)) * max(windows, 1) // max(1, min(windows, JUDGED))

    def evaluation_batches(self, split: str, model: Model, *, size: int, length: int) -> Iterator[Batch]:
        """Yield the windows of a split in their order, 10,000 evenly spaced if there are more."""
        places = self.judged(split, length=length)
        for start in range(0, len(places), size):
            yield self.take(split, places[start : start + size], model, length=length)

    def baselines(self, *, length: int) -> Mapping[str, float]:
        """Return what the last value, the mean and an autoregression score on the test; of classes the last, and one.

        They are fitted to all training rows, and judged on the windows that a network is.
        """
        places = self.judged("test", length=length)
        if not len(places):
            return {}
        rows, column, stop = self.table.rows, self.table.target, self.bounds["train"][1]
        targets = self.targets("test", places, length=length)
        if self.table.classes:
            return class_baselines(rows, column, stop, targets, horizon=self.horizon)
        values = forecasts(rows, column, stop, targets, self.measured, horizon=self.horizon, lags=length)
        unit = self.measured.deviation[column] / self.scaling.deviation[column]
        return {name: float(value * unit**2) for name, value in values.items()}

    def _first(self, length: int) -> int:
        """Return the first row that can be a target."""
        return length - 1 + self.horizon

    def _measured(self) -> Scaling:
        rows, stop = self.table.rows, self.bounds["train"][1]
        return Scaling.measured(lambda: rows.chunks(stop), rows.width)
