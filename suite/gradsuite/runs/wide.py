"""A run's measurements with all that belongs to them in columns: settings, and what became of the trial."""

import json
from collections.abc import Iterable
from typing import Any

import pandas as pd

from gradsuite.rows import COLUMNS
from gradsuite.runs.store import Run


def wide(run: Run) -> pd.DataFrame:
    """Return one row per measurement, with a column for each setting, and its trial's seconds and reason.

    The columns are COLUMNS, but for `settings`: their own columns follow `device`, in the order of their names. A trial
    that has no such setting has no value there. `seconds` is the wall time of the whole trial.
    """
    rows = run.measurements()
    texts = rows["settings"].unique()
    parsed = [json.loads(text) for text in texts]
    names = sorted({name for settings in parsed for name in settings} - set(COLUMNS))
    settings = pd.DataFrame({name: column(one.get(name) for one in parsed) for name in names}, index=texts)
    outcome = run.trials().set_index("key")[["seconds", "reason"]]
    joined = rows.join(settings, on="settings").join(outcome, on="key")
    before, after = COLUMNS[: COLUMNS.index("settings")], COLUMNS[COLUMNS.index("settings") + 1 :]
    return joined[[*before, *names, *after, *outcome.columns]]


def column(values: Iterable[Any]) -> pd.api.extensions.ExtensionArray:
    """Return values of one setting as a column of one type, the narrowest that holds them all: whole, number or text.

    What is None has no value. A character that is half of a pair is spelled out, for no file can hold it.
    """
    listed = list(values)
    kinds = {type(value) for value in listed if value is not None}
    if kinds == {int}:
        return pd.array(listed, dtype="Int64")
    if kinds and kinds <= {int, float}:
        return pd.array(listed, dtype="Float64")
    texts = [None if value is None else str(value).encode("utf-8", "backslashreplace").decode() for value in listed]
    return pd.array(texts, dtype="string")
