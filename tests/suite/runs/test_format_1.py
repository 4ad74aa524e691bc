"""Runs that the version before this one wrote: they can be read and exported, and are never changed."""

import json
import sqlite3
from contextlib import closing

import pytest
from gradsuite.errors import UserError
from gradsuite.runs.export import write_measurements
from gradsuite.runs.formats import FORMAT
from gradsuite.runs.store import Run

# As gradsuite 0.1.0 made it, without the columns that a test does not need filled.
SCHEMA = """
PRAGMA user_version = 1;
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE cells (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, experiment TEXT NOT NULL, backend TEXT NOT NULL,
    device TEXT NOT NULL, settings TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('ok', 'unsupported', 'invalid', 'timeout', 'error')),
    reason TEXT NOT NULL, stderr TEXT NOT NULL, seconds REAL NOT NULL
);
CREATE TABLE measurements (
    cell_id INTEGER NOT NULL REFERENCES cells (id), metric TEXT NOT NULL, layer INTEGER, "index" INTEGER, value REAL,
    unit TEXT NOT NULL
);
CREATE INDEX measurements_by_cell ON measurements (cell_id);
CREATE TABLE claims (
    experiment TEXT NOT NULL, backend TEXT NOT NULL, sentence TEXT NOT NULL, source TEXT NOT NULL, expected REAL,
    measured REAL, tolerance REAL, relation TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('holds', 'fails'))
);
CREATE VIEW current AS
    SELECT * FROM cells WHERE id IN (SELECT max(id) FROM cells GROUP BY experiment, backend, device, settings);
INSERT INTO meta VALUES ('preset', '"quick"');
INSERT INTO cells VALUES
    (1, 'k1', 'question', 'numpy', 'cpu', '{"cell": "lstm", "gain": 0.5}', 'ok', '', '', 0.25),
    (2, 'k2', 'question', 'torch', 'cpu', '{"cell": "lstm", "gain": 0.5}', 'timeout', 'late', '', 9.0);
INSERT INTO measurements VALUES (1, 'norm', 1, 0, 0.5, '1'), (1, 'norm', 1, 1, 0.25, '1');
INSERT INTO claims VALUES
    ('question', 'numpy', 'It falls.', 'a paper', 0.5, 0.5, 0.0, '=', 'holds'),
    ('question', 'torch', 'It falls.', 'a paper', 0.5, 0.7, 0.0, '=', 'fails'),
    ('question', 'numpy', 'It ends.', 'a paper', 0.0, 0.0, 0.0, '=', 'holds');
"""


@pytest.fixture
def run(tmp_path):
    with closing(sqlite3.connect(tmp_path / "run.sqlite")) as database:
        database.executescript(SCHEMA)
    return Run.open(tmp_path)


def test_its_trials_and_rows_are_read(run):
    assert run.statuses() == {"k1": "ok", "k2": "timeout"}
    assert run.trials()["reason"].tolist() == ["", "late"]
    rows = run.frame("question")
    assert rows["value"].tolist()[:2] == [0.5, 0.25]
    assert rows["index"].tolist()[:2] == [0, 1]
    assert rows["member"].isna().all()
    assert rows["note"].tolist()[:2] == ["", ""]
    assert rows["gain"].tolist() == [0.5] * 3
    assert run.meta == {"preset": "quick"}


def test_its_claims_have_names_by_their_sentences(run):
    claims = run.claims()
    assert claims["verdict"].tolist() == ["holds", "fails", "holds"]
    assert claims["name"].tolist() == ["question/1", "question/1", "question/3"]
    assert [claim.sentence for claim in run.claims_of("question")] == ["It falls.", "It falls.", "It ends."]
    assert {str(claim.resolution) for claim in run.claims_of("question")} == {""}


def test_it_is_exported(run):
    write_measurements(run)
    lines = (run.path / "measurements.csv").read_text().splitlines()
    assert len(lines) == 1 + 2 + 1
    assert "question,numpy,lstm" in lines[1]


def test_reading_changes_nothing(run):
    before = (run.path / "run.sqlite").read_bytes()
    run.trials(), run.claims(), run.measurements()
    assert (run.path / "run.sqlite").read_bytes() == before


@pytest.mark.parametrize("command", ["report", "run --resume"])
def test_what_would_change_it_is_refused_in_one_line(run, type_in, command):
    status, output, error = type_in(*command.split(), str(run.path))
    assert (status, output) == (2, "")
    assert error.startswith(f"gradsuite: '{run.path}' was written in format 1 and cannot be")
    assert error.count("\n") == 1
    assert json.dumps(run.meta) == '{"preset": "quick"}'


def test_a_format_of_the_future_is_refused(run):
    with closing(sqlite3.connect(run.path / "run.sqlite")) as database:
        database.execute(f"PRAGMA user_version = {FORMAT + 1}")
    with pytest.raises(UserError, match=f"is no run that this version reads: format {FORMAT + 1}, not 1 to {FORMAT}"):
        Run.open(run.path)
