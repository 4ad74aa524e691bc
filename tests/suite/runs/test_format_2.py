"""Runs whose claims do not say what they notice: read as they are, and upgraded once they are written to."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from click.testing import CliRunner
from gradsuite.claims import Claim, Resolution, Source
from gradsuite.commands import gradsuite
from gradsuite.experiment import Result, Trial
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


def version(run):
    with closing(sqlite3.connect(run.path / "run.sqlite")) as database:
        return database.execute("PRAGMA user_version").fetchone()[0]


@pytest.fixture
def run(tmp_path):
    made = Run.create(tmp_path, {"preset": "quick"})
    made.keep_claims("question", [CLAIM])
    with closing(sqlite3.connect(tmp_path / "run.sqlite")) as database:
        database.executescript(
            "ALTER TABLE claims DROP COLUMN resolution; ALTER TABLE claims DROP COLUMN quantity;"
            "PRAGMA user_version = 2;"
        )
    return Run.open(tmp_path)


def test_it_is_read_as_it_is(run):
    before = (run.path / "run.sqlite").read_bytes()
    (claim,) = run.claims_of("question")
    assert (claim.measured, str(claim.resolution)) == (1.05, "")
    printed = CliRunner().invoke(gradsuite, ["claims", str(run.path)], catch_exceptions=False).output
    assert printed.splitlines()[-1] == "1 of 1 claims hold"
    assert (run.path / "run.sqlite").read_bytes() == before


@pytest.mark.parametrize("verb", ["resumed", "reported on anew"])
def test_it_may_be_written_to(run, verb):
    run.require_current(verb)


@pytest.mark.parametrize(
    "write",
    [
        lambda run: run.keep_claims("another", [replace(CLAIM, name="another/so")]),
        lambda run: run.note({"finished": "now"}),
        lambda run: run.add(Trial("question", "numpy", "cpu", {}), "key", Result("ok")),
    ],
    ids=["claims", "meta", "trial"],
)
def test_the_first_thing_written_upgrades_it_and_loses_nothing(run, write):
    reader, writer = Run.open(run.path), Run.open(run.path)
    write(run)
    assert version(run) == 3
    run.keep_claims("third", [])
    assert Run.open(run.path).claims()["measured"][0] == 1.05
    assert reader.claims()["measured"][0] == 1.05  # another process, which opened it before
    write(writer)
    assert version(run) == 3


def test_claims_judged_anew_say_what_they_notice(run):
    run.keep_claims("question", [CLAIM])
    assert Run.open(run.path).claims_of("question") == [CLAIM]
