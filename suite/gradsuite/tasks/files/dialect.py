"""How a CSV file is written: its encoding, what stands between its columns, its names, how it writes numbers."""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from gradsuite.errors import UserError, quoted
from gradsuite.tasks.files.numbers import Style

SAMPLE = 1000  # records that are looked at before the file is read
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
OTHERS = {  # what a file begins with that is no CSV
    b"PK\x03\x04": "a zip archive, as an Excel workbook is",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "compressed by gzip",
    b"PAR1": "a Parquet file",
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF": "an HDF5 file",
    b"%PDF": "a PDF",
    b"\x89PNG": "an image",
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """`columns` are the names in the header, `sample` the first records after it, as text; `style` is of numbers."""

    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    style: Style

    @classmethod
    def of(cls, path: Path, decimal: str) -> "Dialect":
        """Return how a file is written, by its first records; `decimal` is `point`, `comma`, or empty to find out.

        Raises UserError for a file that is no CSV, has no header, no rows, or two columns of one name, and for records
        whose fields are not as many as the header's.
        """
        encoding = _encoding(path)
        delimiter, (header, *records) = _delimiter(path, encoding)
        columns = _columns(path, header)
        for row, record in enumerate(records, 1):
            if len(record) != len(header):
                raise UserError(f"{path.name}: row {row} has {len(record)} fields, the header {len(header)}")
        if not records:
            raise UserError(f"{path.name} has a header, but no rows")
        sample = tuple(tuple(cell.strip() for cell in record[: len(columns)]) for record in records)
        return cls(encoding, delimiter, columns, sample, Style.of(path.name, sample, decimal))

    def notes(self, name: str) -> Iterator[str]:
        """Yield how the file was read, where that is not as a plain CSV has it."""
        unusual = [
            f"{DELIMITERS[self.delimiter]} between columns" if self.delimiter != "," else "",
            self.style.said,
            {"utf-8": "", "utf-8-sig": "", "utf-16": "UTF-16"}.get(self.encoding, "Windows-1252, for it is not UTF-8"),
        ]
        if any(unusual):
            yield f"{name} was read with {', '.join(filter(None, unusual))}"


def _encoding(path: Path) -> str:
    """Return the encoding. Raises UserError for a file that is no text."""
    with path.open("rb") as stream:
        start = stream.read(16)
        for magic, what in OTHERS.items():
            if start.startswith(magic):
                raise UserError(f"{path.name} is no CSV file but {what}: save it as CSV")
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        stream.seek(0)
        decoder, utf8 = codecs.getincrementaldecoder("utf-8")(), True
        while block := stream.read(2**16):
            if b"\0" in block:
                raise UserError(f"{path.name} is no CSV file: it has bytes that no text has")
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                utf8 = False
    encoding = "utf-8-sig" if start.startswith(codecs.BOM_UTF8) else "utf-8"
    return encoding if utf8 else "cp1252"


def _delimiter(path: Path, encoding: str) -> tuple[str, list[list[str]]]:
    """Return what stands between columns, and the first records: what gives most columns, alike in all records."""
    read = {delimiter: _records(path, encoding, delimiter) for delimiter in DELIMITERS}
    if not read[","]:
        raise UserError(f"{path.name} is empty")

    def fits(delimiter: str) -> tuple[bool, int]:
        widths = [len(record) for record in read[delimiter]]
        columns = widths[0] if widths else 0  # none, of a file of nothing but delimiters
        return len(set(widths)) == 1 and columns > 1, columns

    best = max(DELIMITERS, key=fits)  # of several alike the first
    return best, read[best]


def _records(path: Path, encoding: str, delimiter: str) -> list[list[str]]:
    with path.open(encoding=encoding, errors="replace", newline="") as stream:
        try:
            reader = csv.reader(stream, delimiter=delimiter)
            return list(islice((record for record in reader if any(map(str.strip, record))), SAMPLE + 1))
        except csv.Error as error:
            raise UserError(f"{path.name} is no CSV file: {error}") from error


def _columns(path: Path, header: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the columns; one that has none is called by its place."""
    names = [name.strip() for name in header]
    if all(re.fullmatch(r"[+-]?[\d.,eE+-]*\d[\d.,]*", name) for name in names):
        raise UserError(
            f"{path.name} has no header: its first line is {quoted(names[0])} ...; add a line of column names"
        )
    names = [name or f"column {place}" for place, name in enumerate(names, 1)]
    for name, count in Counter(names).items():
        if count > 1:
            raise UserError(f"{path.name} has {count} columns called {quoted(name)}: rename all but one")
    return tuple(names)
