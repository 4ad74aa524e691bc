"""The horizon: the distance at which a thousandth of a gradient is left."""

import numpy as np

HORIZON_FACTOR = 1000.0


def horizon(norms: np.ndarray, rate: float) -> float:
    """Return the distance at which norms (K) fall to 1/1000 of the first one, beyond the last by the rate."""
    with np.errstate(divide="ignore", invalid="ignore"):
        fall = np.log(norms[0]) - np.log(norms)
    wanted = np.log(HORIZON_FACTOR)
    below = np.flatnonzero(fall >= wanted)
    if below.size:
        end = int(below[0])
        start = fall[end - 1]
        share = (wanted - start) / (fall[end] - start) if np.isfinite(fall[end]) else 1.0
        return float(end - 1 + share)
    if not rate < 0:
        return np.inf
    return float(len(norms) - 1 + (wanted - fall[-1]) / -rate)
