"""Rows: what is measured, one number each, and the columns in which a run gives them out."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any

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


FIELDS = tuple(field.name for field in fields(Measurement))
TEXTS, PLACES = ("metric", "unit", "note"), ("index", "layer", "member")
LONGEST = 1000  # characters of a text
PLACE = range(-(2**53), 2**53 + 1)  # whole numbers that stay what they are in every table, beside missing ones
fields_of = attrgetter(*FIELDS)


def are_plain(rows: Sequence[Sequence[Any]]) -> bool:
    """Return whether rows of FIELDS hold Python's own texts and numbers alone, and none that a file cannot hold.

    Columns are asked, not rows: of a million rows that takes half a second. Where it is false, each row has to be
    looked at.
    """
    columns = {name: [row[number] for row in rows] for number, name in enumerate(FIELDS)}
    return (
        {*map(type, columns["value"])} <= {float}
        and all(_are_plain_texts(columns[name]) for name in TEXTS)
        and all(_are_plain_places(columns[name]) for name in PLACES)
        and all(columns["metric"])
    )


def _are_plain_texts(texts: Sequence[Any]) -> bool:
    return {*map(type, texts)} <= {str} and all(text.isascii() and len(text) <= LONGEST for text in {*texts})


def _are_plain_places(places: Sequence[Any]) -> bool:
    kinds = {*map(type, places)}
    return kinds <= {int, type(None)} and (int not in kinds or all(place is None or place in PLACE for place in places))
