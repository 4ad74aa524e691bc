"""Rows: what is measured, one number each, and the columns in which a run gives them out."""

from dataclasses import dataclass

# The columns of a tidy row. `cell` and `dtype` are settings that nearly every experiment has; the rest is the store's.
COLUMNS = (
    "experiment",
    "backend",
    "cell",
    "dtype",
    "device",
    "settings",
    "key",
    "metric",
    "layer",
    "index",
    "member",
    "value",
    "unit",
    "note",
    "status",
    "machine",
)
# A setting has a column of its own in an experiment's frame, so it cannot be called like one of the others.
RESERVED = frozenset(COLUMNS) - {"cell", "dtype"} | {"reason", "stderr", "seconds", "run"}


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measured number of one trial.

    `index` counts time steps, lags or repeats, `layer` counts layers from 0, and `member` counts the networks of a
    stack, or of a list that the experiment measures in one trial. `unit` is a unit and nothing else; `note` is a word
    or a sentence that belongs to the number, such as a verdict or what disturbed a sample.
    """

    metric: str
    value: float
    unit: str = ""
    index: int | None = None
    layer: int | None = None
    member: int | None = None
    note: str = ""
