"""Mean field for driven tanh RNNs: rate of the gradient and largest Lyapunov exponent, and how far off they may be."""

import math
from typing import TYPE_CHECKING, Any

from gradsuite.theory import driven_rnn as theory

if TYPE_CHECKING:
    import pandas as pd

# Metrics. Of every network (member): the rate of ln |dL/dh_t|^2 and the largest Lyapunov exponent.
RATE = "rate"
LYAPUNOV = "lyapunov"
# By lag (index): ln of the squared state gradient over that at T, mean and spread over networks.
LOG_RATIO_MEAN = "ln_ratio_mean"
LOG_RATIO_SD = "ln_ratio_sd"
EXPONENT = "exponent"  # the leading Lyapunov exponents in order (index), means over networks


def rate(at: "pd.Series[Any]") -> float:
    """Return ln chi_1, by which the squared state gradient changes per step back."""
    return theory.rate(at["gain"], at["noise"])


def rate_tolerance(at: "pd.Series[Any]") -> float:
    """Return 0.02 for 4 networks of width 512, for the rate of the squared norm.

    A seed's rate has a standard deviation of up to 0.012 there; a mean of four, half of that: three standard errors.
    They shrink as 1 / sqrt(N seeds).
    """
    return 0.02 * math.sqrt(512 / at["hidden_size"] * 4 / at["seeds"])
