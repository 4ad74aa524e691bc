"""What the columns of a table are, by their first cells, and what each is used for."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gradsuite.errors import UserError, unknown
from gradsuite.tasks.files.dates import date_format
from gradsuite.tasks.files.dialect import Dialect
from gradsuite.tasks.files.numbers import MISSING
from gradsuite.tasks.files.query import Query

TRUTH = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True, slots=True)
class Column:
    """`kind` is number, truth, date, text or mixed; `example` the first cell of that kind, `row` where it stands.

    Of a mixed column they are the first cell that is no number. `dates` is the format of dates.
    """

    name: str
    place: int
    kind: str
    example: str = ""
    row: int = 0
    dates: str = ""

    @property
    def said(self) -> str:
        """What it is, in a few words."""
        if self.kind == "mixed":
            return f"numbers and text ({self.example!r} in row {self.row})"
        return {"number": "numbers", "truth": "true or false", "date": "dates"}.get(
            self.kind, f"text ({self.example!r} in row {self.row})"
        )


@dataclass(frozen=True, slots=True)
class Roles:
    """Which columns are the target, the inputs and the time, and which are left out; `named` if inputs were asked for.

    Raises UserError for a column that is not there, or of a kind that its role cannot have.
    """

    target: Column
    inputs: tuple[Column, ...]
    time: Column | None
    others: tuple[Column, ...]
    named: bool

    @classmethod
    def of(cls, file: str, columns: Sequence[Column], query: Query) -> "Roles":
        """Return what the columns of a file are used for."""
        by_name = {column.name: column for column in columns}
        asked = query.texts("inputs")
        wanted = query.text("target")
        if not wanted:
            names = ", ".join(by_name)
            raise UserError(f"{query.scheme} needs a target: {query.scheme}:{query.file}?target=COLUMN (of: {names})")
        for name in (wanted, *asked):
            if name not in by_name:
                raise unknown(f"column of {file}", name, by_name)
        if len(set(asked)) < len(asked):
            raise UserError("inputs names a column twice")
        target = by_name[wanted]
        if target.kind in ("date", "mixed"):
            raise UserError(f"{file}: the target {wanted!r} is {target.said}; it must be numbers, or classes as text")
        inputs = [by_name[name] for name in asked] or [one for one in columns if one.kind in ("number", "truth")]
        if not asked and target.kind == "truth":
            inputs.remove(target)
        mixed = [one for one in columns if one.kind == "mixed"]
        if not asked and mixed:
            raise UserError(
                f"{file}: column {mixed[0].name!r} is {mixed[0].said}; correct it, or name the inputs without it: "
                f"inputs={';'.join(one.name for one in inputs) or 'COLUMNS'}"
            )
        for one in inputs:
            if one.kind not in ("number", "truth"):
                raise UserError(f"{file}: the input {one.name!r} is {one.said}; inputs must be numbers")
        if not inputs:
            raise UserError(f"{file} has no column of numbers to read as input")
        time = next((one for one in columns if one.kind == "date"), None)
        used = [target, *inputs, *([time] if time else [])]
        others = tuple(one for one in columns if one not in used)
        return cls(target, tuple(inputs), time, () if asked else others, bool(asked))

    @property
    def classes(self) -> bool:
        """Whether the target is a class."""
        return self.target.kind in ("text", "truth")


def classify(dialect: Dialect) -> Iterator[Column]:
    """Yield the columns of a file, by its first records."""
    for place, name in enumerate(dialect.columns):
        cells = [(row, record[place]) for row, record in enumerate(dialect.sample, 1) if record[place] not in MISSING]
        yield _column(name, place, cells, dialect)


def _column(name: str, place: int, cells: Sequence[tuple[int, str]], dialect: Dialect) -> Column:
    texts = [cell for _, cell in cells]
    numbers = [dialect.style.is_number(cell) for cell in texts]
    if all(numbers) and not (texts and _compact_dates(name, texts)):
        return Column(name, place, "number")
    if texts and all(cell.lower() in TRUTH for cell in texts):
        return Column(name, place, "truth")
    if dates := date_format(texts):
        return Column(name, place, "date", texts[0], cells[0][0], dates)
    strange = numbers.index(False)
    row, example = cells[strange]
    return Column(name, place, "mixed" if any(numbers) else "text", example, row)


def _compact_dates(name: str, texts: Sequence[str]) -> bool:
    """Return whether these are dates such as 20240131, in a column that is called so."""
    return name.lower() in ("date", "day") and all(re.fullmatch(r"(19|20)\d{6}", cell) for cell in texts)
