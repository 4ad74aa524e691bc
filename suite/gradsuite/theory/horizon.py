"""The horizon: the lag (or number of layers) at which 1/1000 of a gradient is left."""

import numpy as np

HORIZON_FACTOR = 1000.0


def horizon(norms: np.ndarray, rate: float) -> float:
    """Return the lag at which norms, of shape (lags), have fallen to 1/1000 of the first one.

    Between lags it is interpolated; beyond the last, norms are taken to fall on by `rate` = d ln norm / d lag. It is
    infinite where they do not fall.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        fall = np.log(norms[0]) - np.log(norms)
    target = np.log(HORIZON_FACTOR)
    below = np.flatnonzero(fall >= target)
    if below.size:
        end = int(below[0])
        before = fall[end - 1]
        share = (target - before) / (fall[end] - before) if np.isfinite(fall[end]) else 1.0
        return float(end - 1 + share)
    if not rate < 0:
        return np.inf
    return float(len(norms) - 1 + (target - fall[-1]) / -rate)
