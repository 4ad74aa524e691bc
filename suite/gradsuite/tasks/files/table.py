"""A CSV file as a table to learn from: rows of numbers in time's order, and what was done to get there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from gradsuite.errors import UserError
from gradsuite.tasks.files.columns import Column, Roles, classify
from gradsuite.tasks.files.dialect import Dialect
from gradsuite.tasks.files.gaps import WAYS, refusal, without_gaps
from gradsuite.tasks.files.query import Query
from gradsuite.tasks.files.reading import Reading
from gradsuite.tasks.files.rows import Rows
from gradsuite.tasks.files.steady import constant, counting


@dataclass(frozen=True, slots=True)
class Table:
    """Rows (N, W) of finite numbers; `target` and `inputs` are columns of them.

    A target that is a class has its number in `classes`, which are in order of their names. `notes` say what was left
    out and what was done to the rest, a sentence each.
    """

    rows: Rows
    target: int
    inputs: tuple[int, ...]
    names: tuple[str, ...]
    classes: tuple[str, ...]
    notes: tuple[str, ...]


@lru_cache(4)
def table(scheme: str, argument: str, path: Path, stamp: tuple[int, int], allowed: tuple[str, ...]) -> Table:
    """Return the table of a file, read again only if what is asked of it has changed, or the file (its `stamp`).

    Raises UserError for a file that cannot be learnt from as it is: what is wrong, where, and what to type.
    """
    query = Query.of(scheme, argument, allowed)
    way = query.choice("missing", WAYS, "refuse")
    dialect = Dialect.of(path, query.choice("decimal", ("point", "comma"), ""))
    roles = Roles.of(path.name, list(classify(dialect)), query)
    reading = Reading(path, dialect, roles)
    notes = [*dialect.notes(path.name), *_kinds(roles)]
    rows, kept = _in_order(reading, notes)
    if reading.missing[kept].any():
        if way == "refuse":
            names = [reading.columns[place].name for place in kept]
            raise refusal(path.name, names, reading.missing[kept], reading.first[kept])
        before = len(rows)
        rows = without_gaps(rows, way)
        notes.append(_gaps_note(reading, kept, way, before - len(rows)))
    target, inputs = _varying(path.name, rows, [reading.columns[place] for place in kept], roles, notes)
    classes = tuple(sorted(reading.classes))
    if classes:
        ranks = np.array([classes.index(one) for one in reading.classes], np.float64)
        rows = Rows(_ranked(rows, target, ranks), rows.width)
    return Table(rows, target, inputs, tuple(reading.columns[place].name for place in kept), classes, tuple(notes))


def _kinds(roles: Roles) -> Iterator[str]:
    """Yield which columns are left out for what they are."""
    for one in roles.others:
        yield f"column {one.name!r} is {one.said}: left out"


def _in_order(reading: Reading, notes: list[str]) -> tuple[Rows, list[int]]:
    """Return the rows from first to last date, and which columns have any values, the others left out."""
    rows, order = reading.rows, reading.order
    kept = [place for place in range(len(reading.columns)) if reading.missing[place] < len(rows)]
    for place, column in enumerate(reading.columns):
        if place not in kept:
            if column is reading.roles.target:
                raise UserError(f"{reading.path.name}: the target {column.name!r} has no values")
            notes.append(f"column {column.name!r} has no values: left out")
    if len(kept) < len(reading.columns):
        rows = Rows((chunk[:, kept] for chunk in rows.chunks()), len(kept))
    if order:
        way = "newest first: read from the end" if order.direction < 0 else "in order"
        again = f", {order.repeated} of them like the one before" if order.repeated else ""
        notes.append(f"column {order.column!r} is dates, {way}{again}; it is no input")
    return (rows.turned() if order and order.direction < 0 else rows), kept


def _gaps_note(reading: Reading, kept: list[int], way: str, lost: int) -> str:
    gaps = ", ".join(f"{reading.columns[place].name!r} {n}" for place in kept if (n := reading.missing[place]))
    if way == "drop":
        return f"missing values ({gaps}): {lost} rows were left out, and those around them follow each other"
    dropped = f"; {lost} rows at the start have none before them and were left out" if lost else ""
    return f"missing values ({gaps}) were filled with the value before{dropped}"


def _varying(
    file: str, rows: Rows, columns: Sequence[Column], roles: Roles, notes: list[str]
) -> tuple[int, tuple[int, ...]]:
    """Return the places of the target and of the inputs that say something."""
    if not len(rows):
        raise UserError(f"{file} has no row without a missing value")
    same, counts = constant(rows), counting(rows)
    target = columns.index(roles.target)
    if same[target]:
        raise UserError(f"{file}: the target {roles.target.name!r} is the same in all {len(rows)} rows")
    inputs: list[int] = []
    for column in (one for one in roles.inputs if one in columns):
        place = columns.index(column)
        if same[place]:
            notes.append(f"column {column.name!r} is constant ({rows.read()[0, place]:g}): left out")
        elif counts[place] and not roles.named and place != target:
            notes.append(f"column {column.name!r} only counts the rows: left out")
        else:
            inputs.append(place)
    if not inputs:
        raise UserError(f"{file} has no input that varies: {'; '.join(notes)}")
    return target, tuple(inputs)


def _ranked(rows: Rows, target: int, ranks: np.ndarray) -> Iterator[np.ndarray]:
    for chunk in rows.chunks():
        ranked = chunk.copy()
        ranked[:, target] = ranks[chunk[:, target].astype(np.int64)]
        yield ranked
