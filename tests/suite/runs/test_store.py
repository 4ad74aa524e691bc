import json
import math
import multiprocessing
import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
from gradsuite.errors import UserError
from gradsuite.experiment import Result, Trial
from gradsuite.rows import COLUMNS, Measurement
from gradsuite.runs.store import Run
from hypothesis import given, settings
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


@settings(max_examples=20)  # of many floats each: a run is a file, which takes its time
@given(st.lists(st.floats(), min_size=10, max_size=100))
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


UNSTORABLE = {
    "None is no metric": Result("ok", (Measurement("x", 1.0), Measurement(None, 1.0))),
    "a number is no metric": Result("ok", (Measurement(3, 1.0),)),
    "a text is no value": Result("ok", (Measurement("x", "much"),)),
    "nothing is no value": Result("ok", (Measurement("x", None),)),
    "an index has 64 bits": Result("ok", (Measurement("x", 1.0, index=2**63),)),
    "a layer is whole": Result("ok", (Measurement("x", 1.0, layer=0.5),)),
    "a list is no member": Result("ok", (Measurement("x", 1.0, member=[1]),)),
    "a value has an end": Result("ok", (Measurement("x", 10**400),)),
    "bytes are no unit": Result("ok", (Measurement("x", 1.0, b"s"),)),
    "a text is no measurement": Result("ok", ("x",)),
    "a number is no list": Result("ok", 7),
    "a status is of those that there are": Result("fine"),
}


@pytest.mark.parametrize("result", UNSTORABLE.values(), ids=UNSTORABLE)
def test_what_cannot_be_stored_is_an_error_of_its_trial_and_the_run_goes_on(run, result):
    run.add(LSTM, "k1", ok(Measurement("norm", 0.1)))
    assert run.add(LSTM, "k1", result).status == "error"
    run.add(GRU, "k2", ok(Measurement("norm", 0.5)))
    again = Run.open(run.path)
    assert again.statuses() == {"k1": "error", "k2": "ok"}
    assert again.trials()["reason"].iloc[0].startswith("its results cannot be stored: ")
    assert again.measurements()["value"].dropna().tolist() == [0.5]


def test_the_measurement_that_cannot_be_stored_is_named(run):
    stored = run.add(LSTM, "k1", ok(Measurement("x", 1.0), Measurement("y", 1.0, index=2**64)))
    assert "measurement 1, Measurement(metric='y', " in stored.reason
    assert "at most 64 bits" in stored.reason


def test_numbers_of_numpy_are_numbers(run):
    run.add(LSTM, "k1", ok(Measurement("x", np.float32(0.5), index=np.int64(3), layer=np.uint8(1))))
    row = run.measurements().iloc[0]
    assert (row["value"], row["index"], row["layer"]) == (0.5, 3, 1)


@pytest.mark.parametrize("seconds", [None, float("nan"), float("inf"), "long"])
def test_a_time_that_is_none_costs_no_trial(run, seconds):
    run.add(LSTM, "k1", Result("ok", (Measurement("norm", 0.1),), seconds=seconds))
    assert run.trials()["seconds"].tolist() == [0.0]
    assert run.statuses() == {"k1": "ok"}


@pytest.mark.parametrize("meta", [{}, {"preset": "quick"}])
def test_a_run_is_there_with_its_meta_data_or_not_at_all(tmp_path, monkeypatch, meta):
    def killed(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("gradsuite.runs.meta.write", killed)
    with pytest.raises(KeyboardInterrupt):
        Run.create(tmp_path / "run", meta)
    assert list((tmp_path / "run").iterdir()) == []
    monkeypatch.undo()
    assert Run.create(tmp_path / "run", meta).meta == meta


def test_a_run_is_never_made_over_another(run):
    run.add(LSTM, "k1", ok())
    with pytest.raises(UserError, match="has a run already"):
        Run.create(run.path, {})
    assert run.statuses() == {"k1": "ok"}


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
