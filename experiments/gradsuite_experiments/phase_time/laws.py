"""Where gradients through time turn from vanishing to exploding: how rates show it, and how exactly."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from gradsuite.claims import Source
from gradsuite.theory import driven_rnn

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

PASCANU = Source("Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, sec. 2.1, eq. 6")


def crossing(networks: "pd.DataFrame") -> float:
    """Return the first gain at which the rate, averaged over seeds, crosses zero upwards; NaN if it never does."""
    rates = networks.groupby(GAIN)[RATE].mean()
    gains, rate = rates.index.to_numpy(), rates.to_numpy()
    for k in np.flatnonzero((rate[:-1] < 0.0) & (rate[1:] >= 0.0))[:1]:
        return float(gains[k] - rate[k] * (gains[k + 1] - gains[k]) / (rate[k + 1] - rate[k]))
    return math.nan


def tolerance(at: "pd.Series[Any]") -> float:
    """Return the critical gain's tolerance: the rate's, 0.02 for 4 networks of width 512, over the slope of ln chi_1.

    A rate is that of driven-rnn, and its standard error shrinks as 1 / sqrt(N seeds); 0.02 is three of them.
    """
    critical, h = driven_rnn.critical_gain(at["noise"]), 1e-3
    below, above = (driven_rnn.rate_from_zero(critical + step, at["noise"]) for step in (-h, h))
    slope = (above - below) / (2.0 * h)
    return 0.02 * math.sqrt(512 / at["hidden_size"] * 4 / at["seeds"]) / slope
