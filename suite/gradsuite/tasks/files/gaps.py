"""Missing values: refused, dropped with their rows, or filled from the row before."""

from collections.abc import Iterator, Sequence

import numpy as np

from gradsuite.errors import UserError
from gradsuite.tasks.files.rows import Rows

WAYS = ("refuse", "drop", "forward")


def without_gaps(rows: Rows, way: str) -> Rows:
    """Return rows in time's order without NaN: `drop` leaves rows out that have any, `forward` takes the value before.

    Rows in front of a column's first value have none to take: they are left out. Whatever comes later is never looked
    at.
    """
    return Rows(_dropped(rows) if way == "drop" else _forward(rows), rows.width)


def refusal(file: str, names: Sequence[str], missing: np.ndarray, first: np.ndarray) -> UserError:
    """Return what to say of missing values that nobody has said what to do with."""
    places = np.flatnonzero(missing)
    worst = places[first[places].argmin()]
    more = f" (and {len(places) - 1} more columns have some)" if len(places) > 1 else ""
    values = "a missing value" if missing[worst] == 1 else f"{missing[worst]} missing values, the first"
    return UserError(
        f"{file}: {names[worst]!r} has {values} in row {first[worst]}{more}; type missing=drop to leave such rows out, "
        "or missing=forward to take the value before"
    )


def _dropped(rows: Rows) -> Iterator[np.ndarray]:
    for chunk in rows.chunks():
        yield chunk[~np.isnan(chunk).any(axis=1)]


def _forward(rows: Rows) -> Iterator[np.ndarray]:
    last = np.full((1, rows.width), np.nan)
    for chunk in rows.chunks():
        known = np.vstack([last, chunk])
        # For each cell the row of the last value up to it: 0 is the row of the chunk before.
        source = np.where(np.isnan(known), 0, np.arange(len(known))[:, np.newaxis])
        filled = np.take_along_axis(known, np.maximum.accumulate(source, axis=0), axis=0)
        last = filled[-1:].copy()
        yield filled[1:][~np.isnan(filled[1:]).any(axis=1)]
