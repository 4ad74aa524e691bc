"""CSV that a person opens: text that a spreadsheet would take for a formula stays text."""

import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a cell begins with that is computed, or that hides such a beginning


def harmless(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with an apostrophe before each text that would be a formula; numbers are as they were."""
    texts = {name: column.map(_harmless) for name, column in rows.items() if column.dtype.kind not in "iufbM"}
    return rows.assign(**texts) if texts else rows


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) and not _numeric(value) else value


def _numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
