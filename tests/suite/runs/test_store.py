import json
import math
import multiprocessing
import sqlite3
from contextlib import closing

import pandas as pd
import pytest
from gradsuite.errors import UserError
from gradsuite.experiment import Result, Trial
from gradsuite.rows import COLUMNS, Measurement
from gradsuite.runs.store import Run
from hypothesis import given
from hypothesis import strategies as st

LSTM = Trial("e", "numpy", "cpu", {"cell": "lstm", "dtype": "float32", "gain": 1.5, "length": 5})
GRU = Trial("e", "torch", "cpu", {"cell": "gru", "dtype": "float64", "gain": 2.0, "length": 5})
OTHER = Trial("f", "torch", "cpu", {"width": 3})


@pytest.fixture
def run(tmp_path):
    return Run.create(tmp_path / "run", {"preset": "quick"})


def ok(*measurements):
    return Result("ok", measurements, seconds=0.25)


def test_a_run_that_is_opened_again_has_what_was_stored(run):
    run.add(LSTM, "k1", ok(Measurement("norm", 0.1, "1", index=3, layer=1)))
    run.add(GRU, "k2", Result("error", reason="it broke", stderr="tail", seconds=1.5))
    again = Run.open(run.path)
    assert again.meta == {"preset": "quick"}
    assert again.statuses() == {"k1": "ok", "k2": "error"}
    trials = again.trials().set_index("key")
    assert trials.loc["k2", ["backend", "status", "reason", "stderr", "seconds"]].tolist() == [
        "torch", "error", "it broke", "tail", 1.5,
    ]  # fmt: skip
    assert json.loads(trials.loc["k1", "settings"]) == LSTM.settings


def test_measurements_are_tidy(run):
    run.add(LSTM, "k1", ok(Measurement("norm", 0.1, "1", index=3, layer=1), Measurement("loss", 2.0)))
    run.add(GRU, "k2", Result("timeout"))
    rows = run.measurements()
    assert tuple(rows.columns) == COLUMNS
    assert rows["metric"].tolist()[:2] == ["norm", "loss"]
    first, second, failed = rows.iloc[0], rows.iloc[1], rows.iloc[2]
    assert (first["cell"], first["dtype"], first["layer"], first["index"], first["value"]) == (
        "lstm", "float32", 1, 3, 0.1,
    )  # fmt: skip
    assert second["layer"] is pd.NA
    assert (failed["status"], failed["backend"]) == ("timeout", "torch")
    assert pd.isna(failed["metric"])
    assert pd.isna(failed["value"])


def test_a_measurement_comes_back_with_its_member_and_note(run):
    first = Measurement("rate", -0.5, "1/step", member=3, note="vanishing")
    run.add(LSTM, "k1", ok(first, Measurement("rate", 0.5, "1/step", member=4)))
    rows = run.measurements()
    assert rows[["metric", "value", "unit", "member", "note"]].to_numpy().tolist() == [
        ["rate", -0.5, "1/step", 3, "vanishing"],
        ["rate", 0.5, "1/step", 4, ""],
    ]


def test_a_frame_has_one_experiment_and_a_column_for_each_setting(run):
    run.add(LSTM, "k1", ok(Measurement("norm", 0.1)))
    run.add(OTHER, "k3", ok(Measurement("norm", 0.1)))
    run.add(GRU, "k2", ok(Measurement("norm", 0.1)))
    rows = run.frame("e")
    assert tuple(rows.columns) == (*COLUMNS, "gain", "length")
    assert rows["gain"].tolist() == [1.5, 2.0]
    assert rows["length"].tolist() == [5, 5]
    assert run.frame("f")["width"].tolist() == [3]
    assert run.frame("none").empty


@given(st.lists(st.floats(), min_size=1, max_size=5))
def test_every_float_comes_back_as_it_was(tmp_path_factory, values):
    run = Run.create(tmp_path_factory.mktemp("run"), {})
    run.add(LSTM, "k", ok(*(Measurement("x", value) for value in values)))
    for seen, value in zip(run.measurements()["value"], values, strict=True):
        assert seen == value or (math.isnan(seen) and math.isnan(value))


def test_measuring_a_trial_again_replaces_it(run):
    run.add(LSTM, "k1", Result("error", reason="first"))
    run.add(LSTM, "k1", ok(Measurement("norm", 0.1), Measurement("norm", 0.2)))
    run.add(LSTM, "k1", ok(Measurement("norm", 0.3)))
    assert run.measurements()["value"].tolist() == [0.3]
    assert len(run.trials()) == 1


def test_of_a_trial_measured_with_two_versions_the_last_counts(run):
    run.add(LSTM, "old", ok(Measurement("norm", 0.1)))
    run.add(GRU, "other", ok(Measurement("norm", 0.5)))
    run.add(LSTM, "new", ok(Measurement("norm", 0.2)))
    assert run.statuses().keys() == {"old", "other", "new"}
    assert run.trials()["key"].tolist() == ["other", "new"]
    assert run.measurements()["value"].tolist() == [0.5, 0.2]


def test_a_trial_is_stored_whole_or_not_at_all(run):
    run.add(LSTM, "k1", ok(Measurement("norm", 0.1)))

    def broken():
        yield Measurement("norm", 0.2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.add(LSTM, "k1", Result("ok", broken()))
    assert run.measurements()["value"].tolist() == [0.1]


def test_a_status_that_is_none_is_refused(run):
    with pytest.raises(sqlite3.IntegrityError):
        run.add(LSTM, "k1", Result("fine"))


def test_meta_data_are_added_and_replaced(run):
    run.note({"preset": "full", "finished": None})
    assert run.meta == {"preset": "full", "finished": None}


def test_opening_what_is_no_run_says_so(run, tmp_path):
    with pytest.raises(UserError, match=r"unknown run '.*rum'; did you mean '.*run'\?"):
        Run.open(tmp_path / "rum")
    with pytest.raises(UserError, match="no run"):
        Run.open(tmp_path)
    assert not (tmp_path / "run.sqlite").exists()
    (tmp_path / "run.sqlite").write_text("something else, long enough to be looked at as a database header" * 20)
    with pytest.raises(UserError, match="no run"):
        Run.open(tmp_path)


def test_a_run_of_another_format_is_refused(run):
    with closing(sqlite3.connect(run.path / "run.sqlite")) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(UserError, match="format 99"):
        Run.open(run.path)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        Run.create(tmp_path / "file" / "run", {})


def try_to_write(path, outcome):
    try:
        with Run.open(path).writing():
            outcome.put("wrote")
    except UserError as error:
        outcome.put(str(error))


def test_only_one_process_writes(run):
    context = multiprocessing.get_context("spawn")
    outcome = context.Queue()
    for expected in ("being written by another process", "wrote"):
        other = context.Process(target=try_to_write, args=(run.path, outcome))
        if expected == "wrote":
            other.start()
        else:
            with run.writing():
                other.start()
                other.join()
        assert expected in outcome.get(timeout=60)
        other.join()


def test_half_a_character_is_stored_as_a_question_mark(tmp_path):
    run = Run.create(tmp_path, {})
    trial = Trial("question", "numpy", "cpu", {})
    run.add(trial, "key", Result("error", reason="cut off: \ud83d", stderr="\udcff"))
    assert run.trials()[["reason", "stderr"]].iloc[0].tolist() == ["cut off: ?", "?"]
