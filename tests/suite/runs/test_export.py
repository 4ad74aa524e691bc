import csv
import io
import json
import math
import sqlite3
import sys
from contextlib import closing

import pandas as pd
import pytest
from gradsuite.errors import UserError
from gradsuite.experiment import Result, Trial
from gradsuite.rows import COLUMNS, Measurement
from gradsuite.runs.database import Damaged
from gradsuite.runs.export import write_csv, write_json, write_measurements, write_parquet
from gradsuite.runs.store import Run
from gradsuite.runs.wide import wide

VALUES = (0.1, 1 / 3, 1e-300, math.nan, math.inf, -math.inf)


@pytest.fixture
def run(tmp_path):
    run = Run.create(tmp_path / "run", {})
    trial = Trial("e", "numpy", "cpu", {"cell": "lstm", "gain": 1.5})
    run.add(trial, "k1", Result("ok", tuple(Measurement("x", value, "s", index=i) for i, value in enumerate(VALUES))))
    run.add(Trial("e", "torch", "cpu", {"gain": 2.0}), "k2", Result("timeout"))
    return run


def test_csv_keeps_every_number_and_tells_nan_from_none(run):
    output = io.BytesIO()
    write_csv(run.measurements(), output)
    rows = pd.read_csv(io.BytesIO(output.getvalue()), dtype=str, keep_default_na=False)
    assert tuple(rows.columns) == COLUMNS
    assert rows["value"].tolist() == ["0.1", repr(1 / 3), "1e-300", "nan", "inf", "-inf", ""]
    assert rows["index"].tolist() == ["0", "1", "2", "3", "4", "5", ""]
    assert json.loads(rows["settings"][0]) == {"cell": "lstm", "gain": 1.5}
    numbers = pd.read_csv(io.BytesIO(output.getvalue()))["value"]
    assert numbers[:3].tolist() == list(VALUES[:3])


def test_json_is_json_and_keeps_every_number(run):
    output = io.BytesIO()
    write_json(run.measurements(), output)
    rows = json.loads(output.getvalue(), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert [row["value"] for row in rows] == [0.1, 1 / 3, 1e-300, "nan", "inf", "-inf", None]
    assert rows[0]["settings"] == {"cell": "lstm", "gain": 1.5}
    assert rows[0]["index"] == 0
    assert rows[0]["layer"] is None
    assert rows[-1]["status"] == "timeout"
    assert rows[-1]["cell"] is None


def test_a_run_without_trials_is_a_table_without_rows(tmp_path):
    empty = Run.create(tmp_path / "empty", {}).measurements()
    text, objects = io.BytesIO(), io.BytesIO()
    write_csv(empty, text)
    write_json(empty, objects)
    assert text.getvalue().decode() == ",".join(COLUMNS) + "\n"
    assert json.loads(objects.getvalue()) == []


def test_the_runs_own_table_lies_in_its_folder_and_is_the_one_that_is_exported(run):
    rows = (Measurement("=x", 1.0, '"s", m', layer=1, member=2, note="-\n\x1b"), Measurement(" ", 1e300, note="ü"))
    run.add(Trial("+e", "\tb", "cpu", {"cell": "a,b", "task": 'of "q"'}), "k0", Result("ok", rows))
    exported = io.BytesIO()
    write_csv(run.measurements(), exported)
    write_measurements(run)
    assert (run.path / "measurements.csv").read_bytes() == exported.getvalue()
    assert len(pd.read_csv(run.path / "measurements.csv")) == len(VALUES) + 3


@pytest.mark.parametrize("column", ["value", "layer"])
def test_a_value_that_is_no_number_is_damage_and_leaves_the_table_that_was_there(run, column):
    write_measurements(run)
    before = (run.path / "measurements.csv").read_bytes()
    with closing(sqlite3.connect(run.path / "run.sqlite")) as connection, connection:
        connection.execute(f"UPDATE measurements SET {column} = 'five' WHERE \"index\" = 1")
    with pytest.raises(Damaged):
        write_measurements(run)
    assert (run.path / "measurements.csv").read_bytes() == before


def test_parquet_has_types_and_tells_nan_from_none(run):
    pq = pytest.importorskip("pyarrow.parquet")
    output = io.BytesIO()
    write_parquet(run.measurements(), output)
    table = pq.read_table(output)
    assert table.column_names == list(COLUMNS)
    value = table["value"]
    assert value.is_null().to_pylist() == [False] * len(VALUES) + [True]
    assert list(map(repr, value.to_pylist()[:-1])) == list(map(repr, VALUES))
    assert table["index"].to_pylist() == [*range(len(VALUES)), None]
    assert table.schema.field("index").type == "int64"
    write_parquet(wide(run), io.BytesIO())


def test_without_pyarrow_parquet_says_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match=r'pip install "gradsuite\[parquet\]"'):
        write_parquet(run.measurements(), io.BytesIO())


def test_wide_has_a_column_for_each_setting_and_what_became_of_the_trial(run):
    trial = Trial("f", "numpy", "cpu", {"task": "\ud800=x", "gain": 3})
    run.add(trial, "k3", Result("error", reason="no", seconds=2.5))
    rows = wide(run)
    at = COLUMNS.index("settings")
    assert list(rows.columns) == [*COLUMNS[:at], "gain", "task", *COLUMNS[at + 1 :], "seconds", "reason"]
    assert rows["gain"].tolist() == [1.5] * len(VALUES) + [2.0, 3.0]
    assert rows["task"].isna().tolist() == [True] * (len(VALUES) + 1) + [False]
    assert rows.iloc[-1][["seconds", "reason", "status"]].tolist() == [2.5, "no", "error"]
    for write in (write_csv, write_json):
        write(rows, io.BytesIO())


def test_a_wide_whole_number_stays_whole_where_a_trial_has_none(run):
    run.add(Trial("f", "numpy", "cpu", {"size": 7}), "k3", Result("timeout"))
    output = io.BytesIO()
    write_csv(wide(run), output)
    sizes = [row["size"] for row in csv.DictReader(io.StringIO(output.getvalue().decode()))]
    assert sizes[-2:] == ["", "7"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_text_is_a_formula_in_a_spreadsheet_and_every_number_stays_one(tmp_path, start):
    run = Run.create(tmp_path / "run", {})
    hostile = f'{start}HYPERLINK("http://x")'
    rows = (Measurement(hostile, -1.5, hostile, note=hostile), Measurement("x", -math.inf))
    run.add(Trial(hostile, hostile, "cpu", {"task": hostile}), "k", Result("ok", rows, reason=hostile))
    for table in (run.measurements(), wide(run)):
        output = io.BytesIO()
        write_csv(table, output)
        cells = [cell for row in csv.reader(io.StringIO(output.getvalue().decode(), newline="")) for cell in row]
        assert [cell for cell in cells if cell.startswith(start)] == (["-1.5", "-inf"] if start == "-" else [])
        assert f"'{hostile}" in cells
