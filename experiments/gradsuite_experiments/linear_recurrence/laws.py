"""What is known of linear recurrences: metrics, sources, expected values and tolerances."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from gradsuite.claims import Resolution, Source
from gradsuite.precision import bound
from gradsuite.theory import linear_recurrence as theory
from gradsuite.theory.gates import Moments, coupled_moments, gate_moments

from gradsuite_experiments.linear_recurrence.networks import moduli

if TYPE_CHECKING:
    import pandas as pd

# Metrics of an lru. Of some of its units, by their rank (index): how large eigenvalue and state are, without gamma and
# with it, and the sum of their squared gradients over the last one's. Of all units: the largest relative errors, and
# the states' mean square. Of units with one eigenvalue (member): the mean square of ds/dlambda.
MODULUS, SIZE, NORMALISED, ENERGY = "modulus", "size", "normalised", "energy"
SIZE_ERROR, NORMALISED_ERROR, ENERGY_ERROR = "size_error", "normalised_error", "energy_error"
RING = "ring"
SENSITIVITY = "sensitivity"
# Of all cells: the mean squared gradient by lag, over that at T, and the mean of its logarithm at the longest lag.
SQUARE = "square"
LN_SQUARE = "ln_square"

EIGENVALUES = (0.5, 0.7, 0.8, 0.9)
SHOWN = 12  # units of an lru that have rows
# At which mean squares are held against the law: those of a ring part soon, a few of its units keep nearly all.
LAGS: dict[str, tuple[int, ...]] = {"lru": (1,), "mingru": (1, 4, 16), "minlstm": (1, 4)}
GATE_NOISE = 1.0  # standard deviation of a gate's pre-activation
BIASES: dict[str, tuple[float, ...]] = {"mingru": (-2.0,), "minlstm": (2.0, 0.0)}  # of z; of f and i

ORVIETO = Source("Orvieto et al. 2023, arXiv:2303.06349, proposition 3")
BACKWARD = Source("exact: gradients of white noise add up as its states do; Orvieto et al. 2023, proposition 3")
GAMMA = Source("exact; the normalisation is that of Orvieto et al. 2023, arXiv:2303.06349, sec. 3.4")
RING_POWERS = Source("exact on the ring of Orvieto et al. 2023, lemma 3.2: |lambda|^2 is uniform")
ZUCCHET = Source("exact for white noise; Zucchet & Orvieto 2024, arXiv:2405.21064, sec. 2.2", checked=False)
INDEPENDENT = Source(
    "exact: gates of the inputs alone (Feng et al. 2024, arXiv:2410.01201, sec. 3) are independent from step to step"
)

FACTOR = "the state gradient's factor per step"
READ = "B"
BY_NU = "dL/dnu"


def exact_tolerance(at: "pd.Series[Any]") -> float:
    """Return the relative error of a unit's sum: |lambda|^k rounds k times, and the sum has T terms."""
    return bound(at["dtype"], 2 * at["length"])


def energy_resolution(at: "pd.Series[Any]") -> Resolution:
    """Return that of sums of squared gradients: a factor per step moves that of the largest eigenvalue most.

    By a part of d ln energy / d ln factor = 2 r / (1 - r), r = |lambda|^2, less what T steps leave out.
    """
    r = max(moduli(at, seed)[-1] for seed in range(at["seeds"])) ** 2
    steps = np.arange(at["length"])
    mean = float((steps * r**steps).sum() / (r**steps).sum())
    return Resolution.logarithmic(exact_tolerance(at), FACTOR, power=2.0 * mean)


def read_resolution(relative: float) -> Resolution:
    """Return that of states' squared sizes: B enters squared."""
    return Resolution.logarithmic(relative, READ, power=2.0)


def ring(at: "pd.Series[Any]") -> tuple[float, float]:
    """Return the mean square of states on the ring, and four standard errors over its units, with what T leaves out."""
    expected = theory.ring_growth(at["r_min"], at["r_max"])
    units = at["hidden_size"] * at["seeds"]
    errors = 4.0 * math.sqrt(theory.ring_growth_variance(at["r_min"], at["r_max"]) / units)
    return expected, errors + left_out(at) * expected


def left_out(at: "pd.Series[Any]") -> float:
    """Return the most that T steps leave out of a unit's energy: |lambda|^(2 T)."""
    return float(at["r_max"] ** (2 * at["length"]))


def sensitivity(at: "pd.Series[Any]", eigenvalue: float) -> tuple[float, float]:
    """Return E (ds_T/dlambda)^2, and what rounding may change of it."""
    left = 1.0 - theory.sensitivity_left_out(eigenvalue, at["length"])
    expected = theory.sensitivity(eigenvalue) * left
    return expected, expected * exact_tolerance(at)


def moments(cell: str) -> Moments:
    """Return those of what a gated cell's step keeps."""
    if cell == "mingru":
        return gate_moments(-BIASES[cell][0], GATE_NOISE)  # 1 - sigma(a) = sigma(-a)
    forget, write = BIASES[cell]
    return coupled_moments(forget, write, GATE_NOISE)


def curve(at: "pd.Series[Any] | Mapping[Any, Any]", lags: np.ndarray) -> np.ndarray:
    """Return the mean squared gradient by lag, over that at T."""
    if at["cell"] == "lru":
        return theory.ring_power(lags, at["r_min"], at["r_max"])
    return np.asarray(moments(at["cell"]).square ** lags)


def mean_square(at: "pd.Series[Any]", lag: int) -> tuple[float, float]:
    """Return it at one lag, and four standard errors over units (of an lru), or over units and sequences."""
    expected = float(curve(at, np.array([lag]))[0])
    if at["cell"] == "lru":
        fourth, count = float(curve(at, np.array([2 * lag]))[0]), at["hidden_size"] * at["seeds"]
    else:
        fourth, count = moments(at["cell"]).fourth ** lag, at["hidden_size"] * 8 * at["seeds"]
    return expected, 4.0 * math.sqrt((fourth - expected**2) / count)


def typical(at: "pd.Series[Any]") -> tuple[float, float]:
    """Return the typical factor per step, e^(E ln kept), and four standard errors of it."""
    kept, steps = moments(at["cell"]), at["length"] - 1
    factor = math.exp(kept.log)
    return factor, factor * 4.0 * math.sqrt(kept.log_variance / (steps * at["hidden_size"] * 8 * at["seeds"]))


def per_step(expected: float, tolerance: float, lag: int) -> Resolution:
    """Return that of a mean square `lag` steps back: each step's factor enters squared."""
    return Resolution.logarithmic(math.log1p(2.0 * tolerance / expected) / 2.0, FACTOR, power=2 * lag)
