"""What became of a trial, as rows of a run's file: whatever a worker sent, it is stored, and stops no run."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter, index
from typing import Any

from gradsuite.errors import one_line
from gradsuite.experiment import STATUSES, Result, Trial
from gradsuite.rows import Measurement, are_plain, fields_of
from gradsuite.runs.formats import MEASURED, TRIAL_COLUMNS

LARGEST = 2**63  # integers of SQLite's are below
Row = tuple[Any, ...]
as_stored = attrgetter(*MEASURED)


@dataclass(frozen=True, slots=True)
class Stored:
    """A trial as it is stored: TRIAL_COLUMNS, and MEASURED of each row."""

    trial: Sequence[Any]
    rows: Iterable[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Outcome(Stored):
    """A trial as it is stored, and its result in words."""

    result: Result


def outcome(trial: Trial, key: str, result: Result) -> Outcome:
    """Return a trial and its measurements as they are stored.

    Where a row cannot be, the trial is an `error` that says which and why, and has none.
    """
    try:
        if result.status not in STATUSES:
            raise ValueError(f"{result.status!r} is no status (allowed: {', '.join(STATUSES)})")
        rows = measured(result.measurements)
    except Exception as error:  # noqa: BLE001  a measurement may be anything, and costs its own trial alone
        rows, reason = [], str(error) if type(error) is ValueError else one_line(error)
        result = replace(result, status="error", measurements=(), reason=f"its results cannot be stored: {reason}")
    settings = json.dumps(dict(trial.settings), sort_keys=True)
    about = map(text, (key, trial.experiment, trial.backend, trial.device, settings))
    became = (result.status, text(result.reason), text(result.stderr), seconds(result.seconds))
    return Outcome((*about, *became, text(result.machine), ""), rows, result)


def measured(measurements: Sequence[Measurement]) -> list[Row]:
    """Return measurements as MEASURED has them. Raises ValueError, with the place of the row, for one that has no form.

    A number of any kind is taken, NumPy's too.
    """
    if all(type(one) is Measurement for one in measurements) and are_plain(list(map(fields_of, measurements))):
        return list(map(as_stored, measurements))
    return [row(number, one) for number, one in enumerate(measurements)]


def row(number: int, one: Measurement) -> Row:
    """Return one measurement as MEASURED has it. Raises ValueError, with its number, for one that has no form."""
    try:
        places = (place(one.layer), place(one.index), place(one.member))
        return (metric(one.metric), *places, float(one.value), metric(one.unit), metric(one.note))
    except (ValueError, TypeError, OverflowError, AttributeError) as error:
        raise ValueError(f"measurement {number}, {repr(one)[:200]}: {str(error)[:200]}") from error


def place(value: Any) -> int | None:
    """Return a layer, an index or a member. Raises ValueError or TypeError for what is none."""
    if value is None:
        return None
    whole = index(value)
    if not -LARGEST <= whole < LARGEST:
        raise ValueError("a layer, an index or a member has at most 64 bits")
    return whole


def metric(value: Any) -> str:
    """Return the text of a row. Raises TypeError for anything else: a number would come back as another text."""
    if not isinstance(value, str):
        raise TypeError(f"metric, unit and note are texts, not {type(value).__name__}")
    return text(value)


def text(value: Any) -> str:
    """Return a text without what no file can hold: half a character, as of a message cut off in between."""
    words = str(value)
    return words if words.isascii() else words.encode(errors="replace").decode()


def seconds(value: Any) -> float:
    """Return a time; 0 for what is none."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0


def insertion(table: str, columns: Sequence[str]) -> str:
    """Return the statement that adds a row of these columns."""
    named = ", ".join(f'"{column}"' for column in columns)
    return f"INSERT INTO {table} ({named}) VALUES ({', '.join('?' * len(columns))})"


ADD_TRIAL = insertion("trials", TRIAL_COLUMNS)
ADD_MEASUREMENT = insertion("measurements", ("trial_id", *MEASURED))
