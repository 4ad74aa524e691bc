"""Measurements as CSV or JSON, every number exact, and NaN and infinities distinct from a missing value."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import pandas as pd

from gradsuite.errors import UserError
from gradsuite.runs.store import Run, cause


def write_csv(rows: pd.DataFrame, output: TextIO) -> None:
    """Write one line per measurement, and one without a value for a trial that has none.

    Values that are not finite are `nan`, `inf` or `-inf`.
    """
    value = rows["value"].astype(object).where(rows["value"].notna() | rows["metric"].isna(), "nan")
    rows.assign(value=value).to_csv(output, index=False)


def write_json(rows: pd.DataFrame, output: TextIO) -> None:
    """Write an array of objects; JSON has no numbers that are not finite: those are "nan", "inf" or "-inf"."""
    output.write("[")
    for number, row in enumerate(rows.astype(object).where(rows.notna(), None).to_dict("records")):
        value = row["value"]
        if row["metric"] is not None and (value is None or math.isinf(value)):
            row["value"] = "nan" if value is None else str(value)
        output.write(("," if number else "") + "\n" + json.dumps({**row, "settings": json.loads(row["settings"])}))
    output.write("\n]\n")


def write_measurements(run: Run) -> None:
    """Write the run's `measurements.csv`. Raises UserError if it cannot be written."""
    write_file(run, run.path / "measurements.csv", "csv")


def write_file(run: Run, path: Path, kind: str) -> None:
    """Write a run's measurements in one of FORMATS. Raises UserError if the file cannot be written."""
    rows = run.measurements()
    try:
        with path.open("w", encoding="utf-8", newline="") as output:
            FORMATS[kind](rows, output)
    except OSError as error:
        raise UserError(f"cannot write {str(path)!r}: {cause(error)}") from error


FORMATS: dict[str, Callable[[pd.DataFrame, TextIO], None]] = {"csv": write_csv, "json": write_json}
