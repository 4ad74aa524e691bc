"""Where gradients through time turn from vanishing to exploding: how rates show it, and how exactly."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from gradsuite.claims import Resolution, Source
from gradsuite.theory import driven_rnn

from gradsuite_experiments.common.networks import BURN_IN

if TYPE_CHECKING:
    import pandas as pd

GAIN = "gain"  # of each network, a member of its trial, as are the next three
SEED = "seed"
RATE = "rate"  # of ln |dL/dh_t|^2 per step back
BOUND = "bound"  # twice the log of W's largest singular value
SECONDS_STACKED = "seconds_stacked"
SECONDS_ALONE = "seconds_alone"

GAINS = (0.25, 2.5)
SAFELY_BELOW = 0.8  # of the critical gain: there every network's gradients vanish
SAFELY_BEYOND = 1.3  # of the critical gain: there every network's gradients explode
ROUNDING = 1e-9  # of a rate, against the bound
LAGS = 40  # between which the rate is taken: over fewer it is noisier, over more a fast vanishing gradient underflows

FACTOR = "the state gradient's factor per step"
RECURRENT_GAIN = "the gain of the recurrent weights"

PASCANU = Source("Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, sec. 2.1, eq. 6")


def crossing(networks: "pd.DataFrame") -> float:
    """Return the first gain at which the rate, averaged over seeds, crosses zero upwards; NaN if it never does.

    Between gains it is that of a polynomial through the two next to it on either side: a line would be off by 1%.
    """
    rates = networks.groupby(GAIN)[RATE].mean()
    gains, rate = rates.index.to_numpy(), rates.to_numpy()
    for k in np.flatnonzero((rate[:-1] < 0.0) & (rate[1:] >= 0.0))[:1]:
        near = slice(max(k - 1, 0), k + 3)
        roots = np.roots(np.polyfit(gains[near], rate[near], len(gains[near]) - 1))
        chord = gains[k] - rate[k] * (gains[k + 1] - gains[k]) / (rate[k + 1] - rate[k])
        nearest = roots[abs(roots - chord).argmin()].real
        return float(np.clip(nearest, gains[k], gains[k + 1]))
    return math.nan


def rate_sd(at: "pd.Series[Any]", gain: float) -> float:
    """Return the standard deviation of one network's rate: that of a single direction in independent layers.

    A batch of 4 to 16 orthogonal directions leaves .4 to 1 of it (width 64 and 128, near the critical gain); what the
    law leaves out, of order 1 / N, goes into the rest.
    """
    field = driven_rnn.mean_field(gain, at["noise"])
    lags = min(LAGS, at["length"] - BURN_IN)
    return math.sqrt(field.log_variance(at["hidden_size"], field.fixed_point()) / lags)


def mean_rate(at: "pd.Series[Any]", gain: float) -> tuple[float, float]:
    """Return ln chi_1, and four standard errors of the mean rate over networks."""
    return driven_rnn.rate_from_zero(gain, at["noise"]), 4.0 * rate_sd(at, gain) / math.sqrt(at["seeds"])


def tolerance(at: "pd.Series[Any]") -> float:
    """Return the critical gain's tolerance: that of the mean rate there, over the slope of ln chi_1."""
    critical, h = driven_rnn.critical_gain(at["noise"]), 1e-3
    below, above = (driven_rnn.rate_from_zero(critical + step, at["noise"]) for step in (-h, h))
    return mean_rate(at, critical)[1] * 2.0 * h / (above - below)


def crossed(at: "pd.Series[Any]", gain: float) -> Resolution:
    """Return that of a claim about the sign of every rate: a fault that takes the mean rate at this gain across zero.

    The rate is twice the logarithm of the factor. Of networks whose mean has crossed, one at least has.
    """
    rate, allowed = mean_rate(at, gain)
    return Resolution(math.expm1((abs(rate) + allowed) / 2.0), FACTOR)


def beyond_bound(at: "pd.Series[Any]") -> Resolution:
    """Return that of the bound: a fault that takes the mean rate at the least gain from ln chi_1 to 2 ln(2 g).

    The largest singular value of W is about 2, and ln chi_1 comes nearest to the bound at the least gain.
    """
    rate, allowed = mean_rate(at, GAINS[0])
    return Resolution(math.expm1((2.0 * math.log(2.0 * GAINS[0]) - rate + allowed) / 2.0), FACTOR)
