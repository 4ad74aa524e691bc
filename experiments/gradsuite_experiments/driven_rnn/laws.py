"""What mean-field theory says of a driven tanh RNN: sentences, sources, and how far samples may be off."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from gradsuite.claims import Source

from gradsuite_experiments.common.networks import CHEN

if TYPE_CHECKING:
    import pandas as pd

RATE = "rate"  # of ln |dL/dh_t|^2 per step back, for each network
LN_RATIO_MEAN = "ln_ratio_mean"  # of |dL/dh_t|^2 over that at T, over the networks, by lag
LN_RATIO_SD = "ln_ratio_sd"
LYAPUNOV = "lyapunov"  # the largest exponent, for each network
EXPONENT = "exponent"  # the leading exponents, mean over the networks, by their order

RATE_SOURCE = CHEN
HALF = Source(f"half the rate of the squared norm, by what an exponent is; {CHEN.text}", checked=False)

RATE_SENTENCE = "Driven tanh RNN, gain {gain:g}: ln |dL/dh_t|^2 changes by ln chi_1 per step back."
HALF_SENTENCE = "Driven tanh RNN, gain {gain:g}: the largest Lyapunov exponent is ln(chi_1) / 2."


def exponents(gradients: np.ndarray) -> np.ndarray:
    """Return the leading Lyapunov exponents, largest first, of gradients (lags + 1, B, H) on one trajectory.

    The QR method (Benettin et al. 1980): J^T Q = Q' R, and ln R_ii grows by the i-th exponent per step. One R for all
    steps is the product of the single ones; a spread of e^-30 over the lags is far above rounding. The first third is
    left out, while the directions still turn towards the Lyapunov vectors.
    """
    first, last = len(gradients) // 3, len(gradients) - 1
    stretch = [np.log(abs(np.diag(np.linalg.qr(gradients[k].T)[1]))) for k in (first, last)]
    return (stretch[1] - stretch[0]) / (last - first)


def tolerance(at: "pd.Series[Any]") -> float:
    """Return 0.02 for 4 networks of width 512, for the rate of the squared norm.

    A seed's rate has a standard deviation of up to 0.012 there; a mean of four, half of that: three standard errors.
    They shrink as 1 / sqrt(N seeds).
    """
    return 0.02 * math.sqrt(512 / at["hidden_size"] * 4 / at["seeds"])
