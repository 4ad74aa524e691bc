"""The trials and measurements of a run as DataFrames."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

import pandas as pd

from gradsuite.rows import COLUMNS
from gradsuite.runs.formats import OUTCOME
from gradsuite.runs.machines import machine_name

MACHINE = "coalesce(nullif(machine, ''), :own) AS machine"
# `part` is the machine whose part of a merged run is asked for, or null; `of` an experiment, or null.
TRIALS = f"""SELECT {", ".join(OUTCOME)}, {MACHINE}, coalesce(nullif(run, ''), :run) AS run FROM current
    WHERE machine = coalesce(:part, machine) ORDER BY id"""
THOSE = "FROM current WHERE experiment = coalesce(:of, experiment) AND machine = coalesce(:part, machine)"
TIDY_TRIALS = f"""SELECT id, experiment, backend, json_extract(settings, '$.cell') AS cell,
    json_extract(settings, '$.dtype') AS dtype, device, settings, key, status, {MACHINE} {THOSE} ORDER BY id"""
TIDY_ROWS = f"""SELECT trial_id AS id, metric, layer, "index", member, value, unit, note FROM measurements
    WHERE trial_id IN (SELECT id {THOSE}) ORDER BY trial_id, rowid"""
COUNT = f"SELECT count(*) FROM measurements WHERE trial_id IN (SELECT id {THOSE})"
KINDS = {"layer": "Int64", "index": "Int64", "member": "Int64", "value": "float64"}
# Texts are Python's own: figures cut a table thousands of times, and pointers are copied where Arrow copies letters.
TEXTS = ("mode.string_storage", "python")
Asked = Mapping[str, str | None]
Row = tuple[Any, ...]


def trials(connection: sqlite3.Connection, part: str | None, run: str) -> pd.DataFrame:
    """Return one row per trial: OUTCOME, the machine that measured it and the run that it was measured in."""
    return _read(connection, TRIALS, {"part": part, "run": run}, {"seconds": "float64"})


def tidy(connection: sqlite3.Connection, part: str | None, experiment: str | None) -> pd.DataFrame:
    """Return one row per measurement, with COLUMNS; a trial without any has one row without a metric."""
    asked = {"part": part, "of": experiment}
    connection.execute("BEGIN")  # trials and rows of one moment: a host may be adding to them
    of_trials, rows = _read(connection, TIDY_TRIALS, asked, {}), _read(connection, TIDY_ROWS, asked, KINDS)
    # What a trial has in common for all its rows is read once: they may be a million.
    return of_trials.merge(rows, on="id", how="left")[list(COLUMNS)]


def by_trial(connection: sqlite3.Connection, part: str | None) -> Iterator[tuple[Row, Iterable[Row]]]:
    """Yield what is in COLUMNS of each trial, without its rows, and of each of its rows: only one is held at a time."""
    asked = {"part": part, "of": None, **_own(connection)}
    connection.execute("BEGIN")  # as above
    last: tuple[int, Iterable[Row]] = (-1, ())
    grouped = groupby(connection.execute(TIDY_ROWS, asked), itemgetter(0))
    number, rows = next(grouped, last)
    for trial in connection.execute(TIDY_TRIALS, asked):
        if trial[0] != number:
            yield trial[1:], ()
        else:
            yield trial[1:], (row[1:] for row in rows)
            number, rows = next(grouped, last)


def count(connection: sqlite3.Connection, part: str | None, experiment: str) -> int:
    """Return how many measurements there are of an experiment."""
    (found,) = connection.execute(COUNT, {"part": part, "of": experiment}).fetchone()
    return int(found)


def with_settings(rows: pd.DataFrame) -> pd.DataFrame:
    """Return measurements with a column for each setting."""
    texts = rows["settings"].unique()
    with pd.option_context(*TEXTS):
        settings = pd.DataFrame([json.loads(text) for text in texts], index=texts)
    new = [name for name in settings.columns if name not in rows.columns]
    return rows.join(settings[new], on="settings")


def _read(connection: sqlite3.Connection, query: str, asked: Asked, kinds: Mapping[str, str]) -> pd.DataFrame:
    with pd.option_context(*TEXTS):
        return pd.read_sql_query(query, connection, params={**asked, **_own(connection)}, dtype=dict(kinds))


def _own(connection: sqlite3.Connection) -> Asked:
    """Return the machine of trials that name none."""
    stored = connection.execute("SELECT value FROM meta WHERE name = 'machine'").fetchone()
    return {"own": machine_name(json.loads(stored[0])) if stored else ""}
