"""Runs of gradsuite 0.1.0: they can be read and exported as they are, and are upgraded once they are written to."""

import json
import sqlite3
from contextlib import closing

import pandas as pd
import pytest
from gradsuite.errors import UserError
from gradsuite.runs import formats as new
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


def version(run):
    with closing(sqlite3.connect(run.path / "run.sqlite")) as database:
        return database.execute("PRAGMA user_version").fetchone()[0]


def tables(path):
    with closing(sqlite3.connect(path)) as database:
        found = database.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
        return [(kind, name, "".join(sql.replace('"', "").replace("main.", "").split())) for kind, name, sql in found]


def test_what_is_written_to_it_upgrades_it_and_loses_nothing(run, tmp_path):
    before = run.trials(), run.measurements(), run.claims()
    run.note({"finished": "2026-01-02T00:00:00+00:00"})
    assert version(run) == FORMAT
    again = Run.open(run.path)
    for one, other in zip(before, (again.trials(), again.measurements(), again.claims()), strict=True):
        pd.testing.assert_frame_equal(one, other)
    with closing(sqlite3.connect(tmp_path / "new.sqlite")) as database:
        database.executescript(new.SCHEMA)
    assert tables(run.path / "run.sqlite") == tables(tmp_path / "new.sqlite")


def test_two_claims_of_a_backend_in_the_same_words_are_both_kept(run):
    with closing(sqlite3.connect(run.path / "run.sqlite")) as database, database:
        database.execute(
            "INSERT INTO claims VALUES ('question', 'numpy', 'It falls.', 'a paper', 0.5, 0.6, 0.0, '=', 'fails')"
        )
    names = ["question/1", "question/1", "question/3", "question/1-2"]
    assert run.claims()["name"].tolist() == names
    run.note({})
    assert Run.open(run.path).claims()["name"].tolist() == names


ASKED = {
    "experiment": ["probe"], "backend": ["echo"], "preset": "quick", "set": {}, "device": "cpu", "threads": 1,
    "tuned": False, "no-plugin": [],
}  # fmt: skip


def test_it_is_reported_on_and_resumed(run, type_in):
    with closing(sqlite3.connect(run.path / "run.sqlite")) as database, database:
        database.execute("INSERT INTO meta VALUES ('configuration', ?)", (json.dumps(ASKED),))
        settings = '{"behaviour": "one", "dtype": "float64", "gain": 0.5, "size": 1}'
        cell = ("old", "probe", "echo", "cpu", settings, "ok", "", "", 0.5)
        database.execute(f"INSERT INTO cells VALUES (3, {', '.join('?' * 9)})", cell)
    status, output, _ = type_in("report", str(run.path))
    assert (status, output.splitlines()[-1]) == (1, str(run.path / "report.html"))  # `question` is not installed here
    status, output, error = type_in("run", "--resume", str(run.path))
    assert (status, output.splitlines()[-1]) == (0, str(run.path))
    assert "2 of 2 trials to measure" in error
    assert "1 of them again: the run does not say with which code they were measured" in error
    again = Run.open(run.path)
    assert again.version == FORMAT
    assert again.trials()["experiment"].tolist() == ["question", "question", "probe", "probe"]


def test_one_that_does_not_say_what_it_was_asked_for_cannot_be_resumed(run, type_in):
    status, output, error = type_in("run", "--resume", str(run.path))
    assert (status, output) == (2, "")
    assert error == f"gradsuite: {str(run.path)!r} does not say what it was asked for, so it cannot be resumed\n"


def test_a_format_of_the_future_is_refused(run):
    with closing(sqlite3.connect(run.path / "run.sqlite")) as database:
        database.execute(f"PRAGMA user_version = {FORMAT + 1}")
    with pytest.raises(UserError, match=f"is no run that this version reads: format {FORMAT + 1}, not 1 to {FORMAT}"):
        Run.open(run.path)
