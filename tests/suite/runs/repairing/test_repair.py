"""What is saved of a damaged run: every row on a page that can be read, and no number that may be wrong or missing."""

import sqlite3
from contextlib import closing
from itertools import cycle

import pandas as pd
import pytest
from click.testing import CliRunner
from gradsuite.commands import gradsuite
from gradsuite.errors import UserError
from gradsuite.experiment import Result, Trial
from gradsuite.rows import Measurement
from gradsuite.runs.formats import MEASURED, TRIAL_COLUMNS
from gradsuite.runs.merge import merge
from gradsuite.runs.repairing.recovered import trials_of
from gradsuite.runs.repairing.repair import repair
from gradsuite.runs.repairing.salvage import indexed, opened, salvaged
from gradsuite.runs.store import Run

from tests.damaged import META, PAGE, overwrite, sound, sql


@pytest.fixture
def run(tmp_path):
    return sound(tmp_path / "run")


def rows(run, keys):
    measured = run.measurements().drop(columns="machine")  # which is not known if what the run says of itself is lost
    return measured[measured["key"].isin(keys)].reset_index(drop=True)


def pages(run):
    return (run.path / "run.sqlite").stat().st_size // PAGE


def test_whatever_page_is_lost_what_is_saved_is_as_it_was_and_the_rest_is_said_to_be_lost(run, tmp_path):
    whole = (run.path / "run.sqlite").read_bytes()
    before = run.trials().set_index("key")
    every = run.measurements().drop(columns="machine")
    outcomes = set()
    for page in range(1, pages(run)):
        (run.path / "run.sqlite").write_bytes(whole)
        overwrite(run.path / "run.sqlite", page * PAGE, bytes(PAGE))
        try:
            done = repair(run.path, tmp_path / f"saved-{page}")
        except UserError as error:
            outcomes.add("none")
            assert "nothing can be saved" in str(error) or "is not damaged" in str(error)  # noqa: PT017
            continue
        trials = done.run.trials()
        good = trials[trials["status"] == "ok"]["key"]
        saved, kept = rows(done.run, good), every[every["key"].isin(good)].reset_index(drop=True)
        pd.testing.assert_frame_equal(saved, kept, check_dtype=len(good) > 0)
        assert set(trials["key"]) <= set(before.index)
        lost = len(before) - len(good)
        assert (lost > 0) <= (done.lost != [])
        outcomes.add("some" if lost else "all")
    assert outcomes >= {"some", "all"}


def test_a_trial_with_a_wrong_row_is_an_error_and_the_others_are_as_they_were(run, tmp_path):
    sql('UPDATE measurements SET unit = 7 WHERE trial_id = 3 AND "index" = 2')(run.path / "run.sqlite")
    sql("UPDATE measurements SET unit = CAST(x'ff' AS TEXT) WHERE trial_id = 3")(run.path / "run.sqlite")
    done = repair(run.path)
    assert done.run.path == tmp_path / "run-repaired"
    assert (done.trials, done.measurements, done.claims) == (40, 39 * 20, 1)
    trials = done.run.trials()
    assert trials["status"].tolist() == ["ok"] * 2 + ["error"] + ["ok"] * 37
    assert trials["reason"][2] == "its measurements were damaged: gradsuite run --resume measures it again"
    assert done.lost == ["measurements of 1 trial, which gradsuite run --resume measures again"]
    assert done.run.meta == META


def test_rows_that_are_missing_by_the_index_make_their_trial_an_error(run):
    # As a damaged page does it that reads well: the index knows of a row more than there are.
    with opened(run.path) as connection:
        rows = salvaged(connection, "measurements", ("trial_id", *MEASURED))
        trials = salvaged(connection, "trials", TRIAL_COLUMNS)
        by_index = indexed(connection, "trial")
    assert by_index == dict.fromkeys(range(1, 41), 20)
    lost: list[str] = []
    found = list(trials_of(trials, rows, "trial", by_index | {7: 21}, lost))
    assert [trial.trial[5] for trial in found] == ["ok"] * 6 + ["error"] + ["ok"] * 33
    assert lost == ["measurements of 1 trial, which gradsuite run --resume measures again"]


class Looping(sqlite3.Connection):
    """A file one of whose pages leads back to another, as SQLite reads it: rows without end, and no error."""

    def execute(self, query, values=()):
        found = super().execute(query, values)
        return cycle(found.fetchall()) if "BETWEEN" in query else found


def test_rows_that_come_again_are_taken_once():
    with closing(sqlite3.connect(":memory:", factory=Looping)) as connection:
        connection.executescript("CREATE TABLE meta (name); INSERT INTO meta VALUES ('a'), ('b'), ('c')")
        found = salvaged(connection, "meta", ["name"])
    assert found.rows == [(1, ("a",)), (2, ("b",)), (3, ("c",))]
    assert found.gaps == []


def test_a_lost_claim_and_a_lost_word_of_the_run_are_said(run):
    broken = "DELETE FROM meta WHERE name = 'configuration'; UPDATE claims SET source = CAST(x'ff' AS TEXT)"
    sql(broken)(run.path / "run.sqlite")
    done = repair(run.path)
    assert (done.trials, done.claims) == (40, 0)
    assert done.lost == [
        "what the run was asked for, without which it cannot be resumed",
        "1 claim or more, which gradsuite report judges again",
    ]


def test_a_merged_run_keeps_its_machines(run, tmp_path):
    other = Run.create(tmp_path / "other", {**META, "machine": {"cpu": "Hut", "cores": 1, "threads": 1}})
    other.add(Trial("tiny", "numpy", "cpu", {"number": 1.0}), "key", Result("ok", (Measurement("x", 1.0),)))
    made, _ = merge([run, other], tmp_path / "both")
    before = made.trials()
    sql("UPDATE claims SET verdict = 'perhaps'".join(["PRAGMA ignore_check_constraints = ON; ", ""]))(
        made.path / "run.sqlite"
    )
    done = repair(made.path)
    pd.testing.assert_frame_equal(done.run.trials(), before)
    assert list(done.run.merged) == list(made.merged)


def test_the_command_says_what_was_saved_and_lost_and_refuses_what_is_whole_or_in_its_way(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole = CliRunner().invoke(gradsuite, ["repair", "run"])
    assert str(whole.exception) == "'run' is not damaged: there is nothing to repair"
    sql("UPDATE measurements SET unit = CAST(x'ff' AS TEXT) WHERE trial_id = 3")(run.path / "run.sqlite")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    taken = CliRunner().invoke(gradsuite, ["repair", "run", "--out", "taken"])
    assert str(taken.exception) == "'taken' is there already: choose another folder with --out"
    done = CliRunner().invoke(gradsuite, ["repair", "run"])
    assert done.stdout == "run-repaired\n"
    assert done.stderr.splitlines() == [
        "saved: 40 trials, 780 measurements, 1 claim",
        "lost: measurements of 1 trial, which gradsuite run --resume measures again",
    ]
