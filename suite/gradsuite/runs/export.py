"""Measurements as CSV, JSON or Parquet, every number exact, and NaN and infinities distinct from a missing value."""

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from operator import ne
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd

from gradsuite.errors import UserError, cause
from gradsuite.plain import BLANK, plain_lines
from gradsuite.rows import COLUMNS
from gradsuite.runs import tables
from gradsuite.runs.drafts import drafted, replaced
from gradsuite.runs.store import Run

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # with these a cell begins that a spreadsheet computes, or looks into


def write_csv(rows: pd.DataFrame, output: BinaryIO) -> None:
    """Write one line per measurement, and one without a value for a trial that has none.

    Values that are not finite are `nan`, `inf` or `-inf`. Text that a spreadsheet would take for a formula has a `'`
    before it; control characters are escaped.
    """
    value = rows["value"].astype(object).where(rows["value"].notna() | rows["metric"].isna(), "nan")
    named = [(str(name), column) for name, column in rows.items()]
    by_text = {name: inert_by_text(column) for name, column in named if holds_text(column)}
    changed = {name: rows[name].map(texts) for name, texts in by_text.items() if any(map(ne, texts, texts.values()))}
    written = rows.assign(**changed, value=value).rename(columns=lambda name: inert(str(name)))
    written.to_csv(output, index=False, mode="wb", lineterminator="\n")


def holds_text(column: pd.Series) -> bool:
    """Whether a column is of text."""
    return not pd.api.types.is_numeric_dtype(column)


def inert_by_text(column: pd.Series) -> dict[str, str]:
    """Return each text of a column as no spreadsheet computes it; a million rows have a few, and a missing one none."""
    return {text: inert(text) for text in column.dropna().unique()}


def inert(text: str) -> str:
    """Return text that no spreadsheet computes, and no terminal obeys."""
    shown = plain_lines(text, kept=BLANK)
    return f"'{shown}" if shown.startswith(FORMULA) else shown


def write_json(rows: pd.DataFrame, output: BinaryIO) -> None:
    """Write an array of objects; JSON has no numbers that are not finite: those are "nan", "inf" or "-inf"."""
    output.write(b"[")
    for number, row in enumerate(rows.astype(object).where(rows.notna(), None).to_dict("records")):
        value = row["value"]
        if row["metric"] is not None and (value is None or math.isinf(value)):
            row["value"] = "nan" if value is None else str(value)
        if "settings" in row:
            row["settings"] = json.loads(row["settings"])
        output.write(("," if number else "").encode() + b"\n" + json.dumps(row).encode())
    output.write(b"\n]\n")


def write_parquet(rows: pd.DataFrame, output: BinaryIO) -> None:
    """Write a table whose columns have types. Raises UserError where pyarrow is not installed."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise UserError('Parquet needs pyarrow: pip install "gradsuite[parquet]"') from None
    table = pa.Table.from_pandas(rows, preserve_index=False)
    place = table.column_names.index("value")
    value = pa.array(rows["value"].to_numpy(), mask=rows["metric"].isna().to_numpy())  # pandas' NaN would be missing
    pq.write_table(table.set_column(place, "value", value), output)


def write_measurements(run: Run) -> None:
    """Write the run's `measurements.csv`, as `write_csv` would, row by row: a run may have millions.

    Raises UserError if it cannot be written, and one that was there stays.
    """
    path = run.path / "measurements.csv"
    try:
        with drafted(path) as output, run.database.reading() as connection:
            output.writelines(line.encode() for line in lines(tables.by_trial(connection, run.machine)))
    except OSError as error:
        raise UserError(f"cannot write {str(path)!r}: {cause(error)}") from error


def lines(trials: Iterable[tuple[tables.Row, Iterable[tables.Row]]]) -> Iterator[str]:
    """Yield the lines of `measurements.csv`. Raises TypeError for a value or a place that is no number."""
    yield f"{cells(*COLUMNS)}\n"
    text = lru_cache(cells)  # metrics, units and notes are few
    for (*setting, status, machine), rows in trials:
        before, after, line = cells(*setting), cells(status, machine), ""
        for metric, layer, index, member, value, unit, note in rows:
            places = f"{whole(layer)},{whole(index)},{whole(member)}"
            line = f"{before},{text(metric)},{places},{number(value)},{text(unit)},{text(note)},{after}\n"
            yield line
        if not line:
            yield f"{before},,,,,,,,{after}\n"


def cells(*values: Any) -> str:
    """Return cells side by side, text as no spreadsheet computes it."""
    row = io.StringIO()
    inert_values = (inert(value) if isinstance(value, str) else value for value in values)
    csv.writer(row, lineterminator="\n").writerow([*inert_values, ""])  # else one empty cell would be quoted
    return row.getvalue().removesuffix(",\n")


def whole(place: int | None) -> str:
    """Return a layer, an index or a member."""
    return "" if place is None else int.__repr__(place)


def number(value: float | None) -> str:
    """Return a value: SQLite has NaN as a missing one."""
    return "nan" if value is None else float.__repr__(value)


def write_file(rows: pd.DataFrame, path: Path, kind: str) -> None:
    """Write measurements in one of FORMATS, whole or not at all. Raises UserError if the file cannot be written."""
    with replaced(path) as output:
        FORMATS[kind](rows, output)


FORMATS: dict[str, Callable[[pd.DataFrame, BinaryIO], None]] = {
    "csv": write_csv,
    "json": write_json,
    "parquet": write_parquet,
}
