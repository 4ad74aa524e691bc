import io
import json
import math

import pandas as pd
import pytest
from gradsuite.experiment import Result, Trial
from gradsuite.rows import Measurement
from gradsuite.runs.export import write_csv, write_json, write_measurements
from gradsuite.runs.store import COLUMNS, Run

VALUES = (0.1, 1 / 3, 1e-300, math.nan, math.inf, -math.inf)


@pytest.fixture
def run(tmp_path):
    run = Run.create(tmp_path / "run", {})
    trial = Trial("e", "numpy", "cpu", {"cell": "lstm", "gain": 1.5})
    run.add(trial, "k1", Result("ok", tuple(Measurement("x", value, "s", index=i) for i, value in enumerate(VALUES))))
    run.add(Trial("e", "torch", "cpu", {"gain": 2.0}), "k2", Result("timeout"))
    return run


def test_csv_keeps_every_number_and_tells_nan_from_none(run):
    output = io.StringIO()
    write_csv(run.measurements(), output)
    rows = pd.read_csv(io.StringIO(output.getvalue()), dtype=str, keep_default_na=False)
    assert tuple(rows.columns) == COLUMNS
    assert rows["value"].tolist() == ["0.1", repr(1 / 3), "1e-300", "nan", "inf", "-inf", ""]
    assert rows["index"].tolist() == ["0", "1", "2", "3", "4", "5", ""]
    assert json.loads(rows["settings"][0]) == {"cell": "lstm", "gain": 1.5}
    numbers = pd.read_csv(io.StringIO(output.getvalue()))["value"]
    assert numbers[:3].tolist() == list(VALUES[:3])


def test_json_is_json_and_keeps_every_number(run):
    output = io.StringIO()
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
    text, objects = io.StringIO(), io.StringIO()
    write_csv(empty, text)
    write_json(empty, objects)
    assert text.getvalue() == ",".join(COLUMNS) + "\n"
    assert json.loads(objects.getvalue()) == []


def test_the_runs_own_table_lies_in_its_folder(run):
    write_measurements(run)
    assert len(pd.read_csv(run.path / "measurements.csv")) == len(VALUES) + 1
