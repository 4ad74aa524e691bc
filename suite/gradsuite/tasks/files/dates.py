"""Dates in a column of text: how they are written, and whether they are in order."""

from collections.abc import Sequence
from itertools import product

import numpy as np

from gradsuite.errors import UserError

DAYS = (
    *("%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y%m%d", "%Y.%m.%d"),
    *("%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%b %d %Y", "%d %B %Y", "%B %d, %Y", "%b %Y", "%B %Y", "%m/%d/%y"),
)
TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
FORMATS = ("ISO8601", *(day + time for day, time in product(DAYS, TIMES)))


def date_format(texts: Sequence[str]) -> str:
    """Return the format of texts that are dates, nothing if they are not; of several, one that puts them in order."""
    if not texts or not any(character.isdigit() for character in texts[0]):
        return ""
    fitting = [form for form in FORMATS if _parsed(texts[:1], form).size and _parsed(texts, form).size]
    in_order = [form for form in fitting if _direction(_parsed(texts, form))]
    return next(iter((*in_order, *fitting)), "")


def parse(texts: Sequence[str], form: str) -> np.ndarray:
    """Return dates as integers that grow with time, those that are none as the smallest integer."""
    import pandas as pd

    parsed = pd.to_datetime(pd.Series(texts, dtype=object), format=form, errors="coerce", utc=True)
    return parsed.dt.tz_localize(None).to_numpy("datetime64[us]").view(np.int64)


class Order:
    """Whether dates that come in chunks are in order, and which way they run."""

    def __init__(self, file: str, column: str, form: str) -> None:
        """Watch the dates of a column."""
        self.file, self.column, self.form = file, column, form
        self.direction = 0  # 1 forwards, -1 backwards, 0 not known yet
        self.last: int | None = None
        self.rows = 0
        self.repeated = 0

    def add(self, texts: Sequence[str]) -> None:
        """Take the next dates. Raises UserError for one that is none, or that is not in order."""
        dates = parse(texts, self.form)
        wrong = np.flatnonzero(dates == np.iinfo(np.int64).min)
        if wrong.size:
            row, text = self.rows + int(wrong[0]) + 1, texts[wrong[0]]
            raise UserError(f"{self.file}: {self.column!r} in row {row} is {text!r}, no date like those before it")
        steps = np.sign(np.diff(dates, prepend=dates[:1] if self.last is None else self.last))
        turns = steps[steps != 0]
        if not self.direction and turns.size:
            self.direction = int(turns[0])
        back = np.flatnonzero(steps == -self.direction) if self.direction else np.empty(0, int)
        if back.size:
            row = self.rows + int(back[0]) + 1
            raise UserError(
                f"{self.file} is not in order of {self.column!r}: row {row} ({texts[back[0]]}) should stand before "
                f"row {row - 1}; sort it, and keep one series in a file"
            )
        self.repeated += int((steps == 0).sum()) - (self.last is None)
        self.rows += len(dates)
        self.last = int(dates[-1])


def _parsed(texts: Sequence[str], form: str) -> np.ndarray:
    """Return the dates, or none if one of them is not of this form."""
    dates = parse(texts, form)
    return dates if (dates != np.iinfo(np.int64).min).all() else dates[:0]


def _direction(dates: np.ndarray) -> int:
    steps = np.diff(dates)
    return int((steps >= 0).all()) - int((steps <= 0).all())
