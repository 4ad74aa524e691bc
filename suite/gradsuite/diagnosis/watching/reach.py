"""How far back one gradient reaches, from its norms by lag."""

from typing import NamedTuple

import numpy as np

from gradsuite.theory.horizon import horizon


class Reach(NamedTuple):
    """`horizon` is the longest lag where more than 1/1000 is left there; `rate` is d ln norm / d lag up to it."""

    horizon: float
    rate: float
    longest: float


def reach(norms: np.ndarray) -> Reach:
    """Return the reach of norms (lags), of which the first is that of the state where the gradient arrives.

    NaN where nothing arrives, or what arrives is not finite.
    """
    norms, longest = np.asarray(norms, np.float64), float(len(norms) - 1)
    if len(norms) < 2 or not norms[0] > 0 or not np.isfinite(norms).all():
        return Reach(np.nan, np.nan, longest)
    far = min(horizon(norms / norms[0], 0.0), longest)
    lags = np.arange(int(np.ceil(far)) + 1)
    lags = lags[norms[lags] > 0]
    rate = float(np.polyfit(lags, np.log(norms[lags]), 1)[0]) if len(lags) > 1 else -np.inf
    return Reach(far, rate, longest)
