"""Simple forecasts that a network should beat: the last value, the mean, an autoregression."""

import numpy as np

from gradsuite.tasks.files.rows import Rows
from gradsuite.tasks.files.scaling import Scaling

LAGS = 12  # of the autoregression, or as many as a window has


def forecasts(
    rows: Rows, column: int, stop: int, targets: np.ndarray, scaling: Scaling, *, horizon: int, lags: int
) -> dict[str, float]:
    """Return mean squared errors at these target rows, by name, in units of the column's variance.

    Everything is fitted to the rows before `stop`. The autoregression is by least squares over all of them, from sums
    of products that are added up chunk by chunk; it is left out where there are fewer equations than unknowns.
    """
    lags = min(lags, LAGS)

    def scaled(values: np.ndarray) -> np.ndarray:
        return scaling.apply(values, column)

    products, count = np.zeros((lags + 2, lags + 2)), 0
    for chunk in rows.chunks(stop, before=lags + horizon - 1):
        values = scaled(chunk[:, column])
        if len(values) < lags + horizon:
            continue
        windows = np.lib.stride_tricks.sliding_window_view(values, lags + horizon)
        design = np.column_stack([windows[:, :lags], np.ones(len(windows)), windows[:, -1]])
        products += design.T @ design
        count += len(windows)
    wanted, last = (scaled(rows.at(places, column)) for places in (targets, targets - horizon))
    errors = {"mean": _square(wanted), "last value": _square(wanted - last)}
    if count > lags + 1:
        weights = np.linalg.lstsq(products[:-1, :-1], products[:-1, -1], rcond=None)[0]
        known = scaled(rows.at((targets - horizon)[:, np.newaxis] - np.arange(lags)[::-1], column))
        errors[f"AR({lags})"] = _square(wanted - known @ weights[:-1] - weights[-1])
    return errors


def class_baselines(rows: Rows, column: int, stop: int, targets: np.ndarray, *, horizon: int) -> dict[str, float]:
    """Return accuracies at these target rows: of the class seen last, and of the most frequent before `stop`."""
    counts = np.zeros(0, np.int64)
    for chunk in rows.chunks(stop):
        found = np.bincount(chunk[:, column].astype(np.int64), minlength=len(counts))
        found[: len(counts)] += counts
        counts = found
    wanted, last = rows.at(targets, column), rows.at(targets - horizon, column)
    return {
        "most frequent class": float((wanted == counts.argmax()).mean()),
        "last class": float((wanted == last).mean()),
    }


def _square(errors: np.ndarray) -> float:
    return float(np.square(errors).mean())
