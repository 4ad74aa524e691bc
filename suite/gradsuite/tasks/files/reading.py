"""A CSV file read into rows of numbers, a chunk at a time."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gradsuite.errors import UserError
from gradsuite.tasks.files.columns import TRUTH, Column, Roles
from gradsuite.tasks.files.dates import Order
from gradsuite.tasks.files.dialect import Dialect
from gradsuite.tasks.files.numbers import MISSING
from gradsuite.tasks.files.rows import CHUNK, Rows

if TYPE_CHECKING:
    import pandas as pd

CLASSES = 50  # different texts that a target may have: with more, it is no class


class Reading:
    """The columns that are used, as rows (N, W) of floats with NaN where a value is missing; classes are counted.

    `missing` counts the missing values of each column (W), `first` is the row of its first (from 1; 0 for none), and
    `order` knows the dates, if there are any. Raises UserError for what is no number, infinite, no date, or not in
    order, and for rows that have more fields than the header.
    """

    def __init__(self, path: Path, dialect: Dialect, roles: Roles) -> None:
        """Read the file."""
        self.path = path
        self.dialect = dialect
        self.roles = roles
        self.columns = tuple(dict.fromkeys([roles.target, *roles.inputs]))
        self.classes: list[str] = []
        self.missing = np.zeros(len(self.columns), np.int64)
        self.first = np.zeros(len(self.columns), np.int64)
        time = roles.time
        self.order = Order(path.name, time.name, time.dates) if time else None
        self.done = 0
        self.rows = Rows(self._chunks(), len(self.columns))

    def _chunks(self) -> Iterator[np.ndarray]:
        for frame in self._frames(self._kinds()):
            chunk = np.empty((len(frame), len(self.columns)))
            for place, column in enumerate(self.columns):
                chunk[:, place] = self._values(column, frame[column.name])
            self._look(chunk)
            if self.order and self.roles.time:
                self.order.add(frame[self.roles.time.name].fillna("").str.strip().tolist())
            self.done += len(chunk)
            yield chunk

    def _kinds(self) -> dict[str, Any]:
        """Return what pandas reads each column as: as numbers what is used and needs no second look, else as text."""
        plain = not self.dialect.style.thousands
        numbers = {column.name for column in self.columns if column.kind == "number" and plain}
        return {name: np.float64 if name in numbers else str for name in self.dialect.columns}

    def _frames(self, kinds: dict[str, Any]) -> "Iterator[pd.DataFrame]":
        import pandas as pd

        try:
            with pd.read_csv(
                self.path,
                sep=self.dialect.delimiter,
                decimal=self.dialect.style.decimal,
                encoding=self.dialect.encoding,
                encoding_errors="replace",
                names=list(self.dialect.columns),
                header=0,
                index_col=False,
                dtype=kinds,
                keep_default_na=False,
                na_values=list(MISSING),
                skipinitialspace=True,
                chunksize=CHUNK,
            ) as frames:
                yield from frames
        except pd.errors.ParserError as error:
            raise self._torn(str(error)) from error
        except ValueError as error:
            if isinstance(error, UserError) or np.float64 not in kinds.values():
                raise
            raise self._no_number() from error

    def _values(self, column: Column, cells: "pd.Series[Any]") -> np.ndarray:
        """Return the cells of a column as floats, missing ones as NaN."""
        if cells.dtype == np.float64:
            return cells.to_numpy()
        texts = cells.str.strip()
        if column is self.roles.target and self.roles.classes:
            return self._codes(texts.str.lower() if column.kind == "truth" else texts)
        values = texts.str.lower().map(TRUTH) if column.kind == "truth" else texts.map(self.dialect.style.value)
        wrong = np.flatnonzero((values.isna() & texts.notna()).to_numpy())
        if wrong.size:
            raise self._strange(column, self.done + int(wrong[0]) + 1, str(texts.iloc[wrong[0]]))
        return values.to_numpy(np.float64)

    def _codes(self, texts: "pd.Series[Any]") -> np.ndarray:
        """Return the classes of a chunk, counted as they first come."""
        for text in texts.dropna().unique():
            if text not in self.classes:
                self.classes.append(text)
        if len(self.classes) > CLASSES:
            name, some = self.roles.target.name, ", ".join(map(repr, self.classes[:3]))
            raise UserError(
                f"{self.path.name}: the target {name!r} is text ({some}, ...): text is read as classes, and it has "
                f"more than {CLASSES}"
            )
        codes = {text: float(code) for code, text in enumerate(self.classes)}
        return texts.map(codes).to_numpy(np.float64)

    def _look(self, chunk: np.ndarray) -> None:
        """Count what is missing. Raises UserError for an infinite number."""
        for row, place in np.argwhere(np.isinf(chunk))[:1]:
            where = f"row {self.done + row + 1}"
            raise UserError(f"{self.path.name}: {self.columns[place].name!r} is infinite in {where}")
        gaps = np.isnan(chunk)
        new = (self.first == 0) & gaps.any(axis=0)
        self.first[new] = self.done + gaps.argmax(axis=0)[new] + 1
        self.missing += gaps.sum(axis=0)

    def _no_number(self) -> UserError:
        """Return what to say once pandas could not read a number: the file is read again, as text, to find it."""
        numbers = [column for column in self.columns if column.kind == "number"]
        done = 0
        for frame in self._frames(dict.fromkeys(self.dialect.columns, str)):
            for column in numbers:
                texts = frame[column.name].str.strip()
                for place in np.flatnonzero(texts.notna().to_numpy()):
                    if not self.dialect.style.is_number(str(texts.iloc[place])):
                        return self._strange(column, done + int(place) + 1, str(texts.iloc[place]))
            done += len(frame)
        return UserError(f"{self.path.name} has a number that is written as no other")

    def _strange(self, column: Column, row: int, text: str) -> UserError:
        rest = [one.name for one in self.roles.inputs if one is not column]
        advice = f", or leave it out: inputs={';'.join(rest)}" if rest and column is not self.roles.target else ""
        what = "true or false" if column.kind == "truth" else "numbers"
        return UserError(
            f"{self.path.name}: column {column.name!r} is {what}, but {text!r} in row {row}; correct it{advice}"
        )

    def _torn(self, message: str) -> UserError:
        """Return what to say of a row that pandas could not take apart."""
        if found := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message):
            wanted, line, seen = found.groups()
            return UserError(f"{self.path.name}: line {line} has {seen} fields, the header {wanted}")
        if found := re.search(r"EOF inside string starting at row (\d+)", message):
            return UserError(f"{self.path.name}: a quotation mark in row {int(found[1])} has no end")
        return UserError(f"{self.path.name} is no CSV file: {' '.join(message.split())}")
