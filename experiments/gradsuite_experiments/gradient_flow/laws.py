"""What is stored of gradients that flow back, and what counts as vanishing, stable and exploding.

A distance is what lies between a state and the loss: a lag T - t in time, a number of layers in depth.
"""

from dataclasses import dataclass

import numpy as np
from gradsuite.theory.horizon import horizon

NORM_MEAN = "norm_mean"  # over the batch, by distance
NORM_LOW = "norm_low"
NORM_MEDIAN = "norm_median"
NORM_HIGH = "norm_high"
QUANTILES = {NORM_LOW: 0.1, NORM_MEDIAN: 0.5, NORM_HIGH: 0.9}  # over the batch, by distance
RATE = "rate"
HORIZON = "horizon"
VERDICT = "verdict"

# A gradient is stable if over the whole measured distance it changes by less than a factor of ten: such a change
# costs no precision in float32 (seven digits) and one learning rate still suits both ends.
STABLE_FACTOR = 10.0
# The first steps are left out of the fit: there the gradient turns from the loss's direction into the Jacobians'
# own, and an LSTM's passes its output gate, once. At most a quarter of the distance, where that is short.
TRANSIENT = 5
VERDICTS = {-1.0: "vanishing", 0.0: "stable", 1.0: "exploding"}


@dataclass(frozen=True, slots=True)
class Trend:
    """How norms change with the distance: `rate` is d ln(norm) / d(distance), `verdict` -1, 0 or 1, or NaN as the rate.

    `horizon` is the distance at which the norm is 1/1000 of its start: where it was measured, else by the rate;
    infinite if the norm does not fall.
    """

    rate: float
    horizon: float
    verdict: float

    @property
    def word(self) -> str:
        """The verdict in a word."""
        return VERDICTS.get(self.verdict, "undefined")


def trend(norms: np.ndarray) -> Trend:
    """Fit norms (K) over the distances 0 to K - 1 by least squares on their logarithms, past the transient.

    Only finite positive norms are fitted. With fewer than two of them the rate is -inf if the rest are zero, inf if
    the rest have overflowed, NaN if neither.
    """
    distances = np.arange(len(norms), dtype=np.float64)
    later = distances >= min(TRANSIENT, len(norms) // 4)
    fitted = later & np.isfinite(norms) & (norms > 0)
    if fitted.sum() >= 2:
        rate = float(np.polyfit(distances[fitted], np.log(norms[fitted]), 1)[0])
    else:
        rest = norms[later & ~fitted]
        rate = -np.inf if (rest == 0).any() else np.inf if np.isinf(rest).any() else np.nan
    change = rate * (len(norms) - 1)
    verdict = 0.0 if abs(change) < np.log(STABLE_FACTOR) else float(np.sign(change))
    return Trend(rate, horizon(norms, rate), verdict)


def stable_rate(length: int) -> float:
    """Return the rate at which a gradient changes by the stable factor over this many states."""
    return float(np.log(STABLE_FACTOR) / max(length - 1, 1))
