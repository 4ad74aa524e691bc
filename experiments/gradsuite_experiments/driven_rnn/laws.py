"""What mean-field theory says of a driven tanh RNN, normalised or not, and how far samples may be off."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from gradsuite.claims import Source
from gradsuite.theory import driven_rnn
from gradsuite.theory import gaussian_powers as powers

from gradsuite_experiments.common.networks import CHEN

if TYPE_CHECKING:
    import pandas as pd

RATE = "rate"  # of ln |dL/dh_t|^2 per step back, for each network
LN_RATIO_MEAN = "ln_ratio_mean"  # of |dL/dh_t|^2 over that at T, over the networks, by lag
LN_RATIO_SD = "ln_ratio_sd"
LYAPUNOV = "lyapunov"  # the largest exponent, for each network
EXPONENT = "exponent"  # the leading exponents, mean over the networks, by their order

DIRECTIONS = 16  # gradients sent back, each along a noise of its own
TRAJECTORIES = 4  # on which exponents are measured
LEADING = 4  # exponents of each

SQUARED_FACTOR = "the squared state gradient's factor per step"
FACTOR = "the state gradient's factor per step"

RATE_SOURCE = CHEN
HALF = Source(f"half the rate of the squared norm, by what an exponent is; {CHEN.text}", checked=False)

NORMALISED = Source(
    "derived: mean field at variance 1, which is what layer normalisation (Ba, Kiros & Hinton 2016, eq. 4) makes"
)
NAMES = {"rnn": "Driven tanh RNN", "ln-rnn": "Driven tanh RNN, layer-normalised"}
RATE_SENTENCE = "{rnn}, gain {gain:g}: |dL/dh_t|^2 changes by a factor of chi_1 per step back."
HALF_SENTENCE = "{rnn}, gain {gain:g}: the largest Lyapunov exponent is ln(chi_1) / 2, sqrt(chi_1) per step."


def exponents(gradients: np.ndarray) -> np.ndarray:
    """Return the leading Lyapunov exponents, largest first, of gradients (lags + 1, B, H) on one trajectory.

    The QR method (Benettin et al. 1980): J^T Q = Q' R, and ln R_ii grows by the i-th exponent per step. One R for all
    steps is the product of the single ones; a spread of e^-30 over the lags is far above rounding. The first third is
    left out, while the directions still turn towards the Lyapunov vectors.
    """
    first, last = turned(len(gradients) - 1), len(gradients) - 1
    stretch = [np.log(abs(np.diag(np.linalg.qr(gradients[k].T)[1]))) for k in (first, last)]
    return (stretch[1] - stretch[0]) / (last - first)


def turned(lags: int) -> int:
    """Return the lag from which exponents are measured."""
    return (lags + 1) // 3


def rate(at: "pd.Series[Any]") -> tuple[float, float]:
    """Return the factor chi_1 of |dL/dh|^2 per step, and four standard errors of its mean over networks."""
    factor = math.exp(log_factor(at["cell"], at["gain"], at["noise"]))
    return factor, factor * (standard_errors(at, at["lags"], DIRECTIONS) + next_order(at))


def exponent(at: "pd.Series[Any]") -> tuple[float, float]:
    """Return the factor of the leading direction per step, whose logarithm is the largest exponent, and four errors."""
    lags = at["lags"] - turned(at["lags"])
    factor = math.exp(log_factor(at["cell"], at["gain"], at["noise"]) / 2.0)
    return factor, factor * (standard_errors(at, lags, TRAJECTORIES) + next_order(at)) / 2.0


def log_factor(cell: str, gain: float, noise: float) -> float:
    """Return ln chi_1, the growth of ln |dL/dh|^2 per step."""
    return (driven_rnn.normalised_rate if cell == "ln-rnn" else driven_rnn.rate)(gain, noise)


def critical_gain(cell: str, noise: float) -> float:
    """Return the gain at which gradients neither vanish nor explode."""
    return (driven_rnn.normalised_critical_gain if cell == "ln-rnn" else driven_rnn.critical_gain)(noise)


def next_order(at: "pd.Series[Any]") -> float:
    """Return what a normalisation takes from a gradient per step: at most its parts along two directions of N."""
    return 2.0 / at["hidden_size"] if at["cell"] == "ln-rnn" else 0.0


def standard_errors(at: "pd.Series[Any]", lags: int, noises: int) -> float:
    """Return four standard errors of a mean rate of ln |dL/dh|^2 over networks, each along so many noises.

    In independent layers one direction's has log_variance per step, which averages out over noises. W is the same in
    all of them: powers of a Gaussian matrix vary as they do without noise, which breaks them up, or less.
    """
    field, N = driven_rnn.mean_field(at["gain"], at["noise"]), at["hidden_size"]
    independent = field.log_variance(N, 1.0 if at["cell"] == "ln-rnn" else field.fixed_point()) / (lags * noises)
    tied = powers.mean_square_sd(lags, 0.0, 1.0, N) / lags
    return 4.0 * math.sqrt((independent + tied**2) / at["seeds"])
