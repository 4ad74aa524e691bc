"""Columns that say nothing: those that never change, and those that only count the rows."""

import numpy as np

from gradsuite.tasks.files.rows import Rows


def constant(rows: Rows) -> np.ndarray:
    """Return which columns (W) have one value in all rows."""
    same = np.ones(rows.width, bool)
    for chunk in rows.chunks():
        same &= (chunk == rows.read()[0]).all(axis=0)
    return same


def counting(rows: Rows) -> np.ndarray:
    """Return which columns (W) grow or fall by the same whole number at every row, as a year or an index does."""
    if len(rows) < 3:
        return np.zeros(rows.width, bool)
    step = rows.read()[1] - rows.read()[0]
    counts = (step != 0) & (step == np.round(step))
    for chunk in rows.chunks(before=1):
        counts &= (np.diff(chunk, axis=0) == step).all(axis=0)
    return counts
