"""Runs of one machine, and whose claims do not say what they notice: read as they are, upgraded once written to."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from click.testing import CliRunner
from gradsuite.claims import Claim, Resolution, Source
from gradsuite.commands import gradsuite
from gradsuite.experiment import Result, Trial
from gradsuite.rows import Measurement
from gradsuite.runs.formats import FORMAT, SCHEMA
from gradsuite.runs.store import Run

CLAIM = Claim(
    name="question/so",
    backend="numpy",
    sentence="It is so.",
    source=Source("a paper"),
    expected=1.0,
    measured=1.05,
    tolerance=0.1,
    resolution=Resolution(0.2, "the gradient"),
)
# As it was written when it was the newest.
FORMAT_3 = """
PRAGMA user_version = 3;
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE trials (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    experiment TEXT NOT NULL,
    backend TEXT NOT NULL,
    device TEXT NOT NULL,
    settings TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('ok', 'unsupported', 'invalid', 'timeout', 'error')),
    reason TEXT NOT NULL,
    stderr TEXT NOT NULL,
    seconds REAL NOT NULL
);
CREATE TABLE measurements (
    trial_id INTEGER NOT NULL REFERENCES trials (id),
    metric TEXT NOT NULL,
    layer INTEGER,
    "index" INTEGER,
    member INTEGER,
    value REAL,
    unit TEXT NOT NULL,
    note TEXT NOT NULL
);
CREATE INDEX measurements_by_trial ON measurements (trial_id);
CREATE TABLE claims (
    name TEXT NOT NULL,
    experiment TEXT NOT NULL,
    backend TEXT NOT NULL,
    sentence TEXT NOT NULL,
    source TEXT NOT NULL,
    checked INTEGER NOT NULL,
    expected REAL,
    measured REAL,
    tolerance REAL,
    resolution REAL,
    quantity TEXT,
    relation TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('holds', 'fails')),
    UNIQUE (name, backend)
);
CREATE VIEW current AS
    SELECT * FROM trials WHERE id IN (SELECT max(id) FROM trials GROUP BY experiment, backend, device, settings);
INSERT INTO meta VALUES ('preset', '"quick"'), ('machine', '{"cpu": "Box", "cores": 2, "threads": 2}');
INSERT INTO trials VALUES (1, 'old', 'question', 'numpy', 'cpu', '{"gain": 1}', 'ok', '', '', 0.5),
    (2, 'new', 'question', 'numpy', 'cpu', '{"gain": 1}', 'ok', '', '', 0.5);
INSERT INTO measurements VALUES (1, 'norm', NULL, 0, NULL, 1.5, '', ''), (2, 'norm', NULL, 0, NULL, 2.5, '', 'word');
INSERT INTO claims VALUES ('question/so', 'question', 'numpy', 'It is so.', 'a paper', 1, 1.0, 1.05, 0.1, 0.2,
    'the gradient', '=', 'holds');
"""
NO_RESOLUTION = "ALTER TABLE claims DROP COLUMN resolution; ALTER TABLE claims DROP COLUMN quantity;"
OLDER = {2: FORMAT_3 + NO_RESOLUTION + "PRAGMA user_version = 2;", 3: FORMAT_3}
RESOLUTION = {2: "", 3: "20% in the gradient"}


def version(run):
    with closing(sqlite3.connect(run.path / "run.sqlite")) as database:
        return database.execute("PRAGMA user_version").fetchone()[0]


def tables(path):
    with closing(sqlite3.connect(path)) as database:
        found = database.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
        return [(kind, name, "".join(sql.replace('"', "").replace("main.", "").split())) for kind, name, sql in found]


@pytest.fixture(params=[2, 3])
def run(request, tmp_path):
    with closing(sqlite3.connect(tmp_path / "run.sqlite")) as database:
        database.executescript(OLDER[request.param])
    return Run.open(tmp_path)


def test_it_is_read_as_it_is(run):
    before = (run.path / "run.sqlite").read_bytes()
    (claim,) = run.claims_of("question")
    assert (claim.measured, str(claim.resolution)) == (1.05, RESOLUTION[run.version])
    rows = run.frame("question")
    assert rows[["value", "note", "gain", "machine"]].to_numpy().tolist() == [[2.5, "word", 1, "Box, 2 cores"]]
    assert run.trials()["run"].tolist() == [run.path.name]
    printed = CliRunner().invoke(gradsuite, ["claims", str(run.path)], catch_exceptions=False).output
    assert printed.splitlines()[-1] == "1 of 1 claims hold"
    assert (run.path / "run.sqlite").read_bytes() == before


@pytest.mark.parametrize(
    "write",
    [
        lambda run: run.keep_claims("another", [replace(CLAIM, name="another/so")]),
        lambda run: run.note({"finished": "2026-01-02T00:00:00+00:00"}),
        lambda run: run.add(Trial("question", "numpy", "cpu", {}), "key", Result("ok", (Measurement("norm", 3.0),))),
    ],
    ids=["claims", "meta", "trial"],
)
def test_the_first_thing_written_upgrades_it_and_loses_nothing(run, write):
    reader, writer = Run.open(run.path), Run.open(run.path)
    write(run)
    assert version(run) == FORMAT
    run.keep_claims("third", [])
    assert Run.open(run.path).claims()["measured"][0] == 1.05
    for other in (reader, Run.open(run.path)):  # one in another process, which opened it before
        assert other.claims()["measured"][0] == 1.05
        assert other.measurements()["value"].tolist()[0] == 2.5
        assert set(other.statuses()) >= {"old", "new"}
    write(writer)
    assert version(run) == FORMAT


def test_an_upgraded_run_is_made_as_a_new_one(run, tmp_path):
    run.note({"finished": "2026-01-02T00:00:00+00:00"})
    with closing(sqlite3.connect(tmp_path / "new.sqlite")) as database:
        database.executescript(SCHEMA)
    assert tables(run.path / "run.sqlite") == tables(tmp_path / "new.sqlite")


def test_claims_judged_anew_say_what_they_notice(run):
    run.keep_claims("question", [CLAIM])
    assert Run.open(run.path).claims_of("question") == [CLAIM]
