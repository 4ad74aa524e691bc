"""What the powers of a recurrent matrix do to gradients, and how far a measurement may be off."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from gradsuite.claims import Resolution, Source
from gradsuite.precision import UNIT_ROUNDOFF
from gradsuite.theory import powers

from gradsuite_experiments.exact_time.matrices import COUPLING, matrix

if TYPE_CHECKING:
    import pandas as pd

# Metrics: the extreme singular values of dh_T/dh_t, by lag T - t.
SIGMA_MAX = "sigma_max"
SIGMA_MIN = "sigma_min"

FACTOR = "the state gradient's factor per step"

# Each kind of matrix as sentences have it.
NAMES = {
    "orthogonal": "orthogonal W",
    "symmetric": "symmetric W",
    "gaussian": "Gaussian W",
    "jordan": "W of Jordan blocks",
}

EXACT = Source("exact: dh_T/dh_t = W^(T-t)")
SAXE = Source("Saxe, McClelland & Ganguli 2013, arXiv:1312.6120, sec. 3; exact")
PASCANU = Source("Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, sec. 2.1, eq. 6")
GELFAND = Source(
    "exact: Gelfand's formula, within ln cond(V) / k for W = V D V^-1 and ln(1 + k c / rho) / k for Jordan blocks"
)


@lru_cache
def norms(kind: str, size: int, radius: float, lags: int) -> np.ndarray:
    """Return sigma_max(W^k) for k = 0 ... lags, in closed form where there is one."""
    if kind == "jordan":
        return powers.jordan_norms(radius, COUPLING, lags)
    if kind == "gaussian":
        return powers.norms(matrix(kind, size, radius), lags)
    return radius ** np.arange(lags + 1.0)


def excess(kind: str, size: int, radius: float, k: np.ndarray) -> np.ndarray:
    """Return the most by which ln sigma_max(W^k) / k is above the logarithm of the spectral radius."""
    if kind == "jordan":
        return powers.jordan_excess(radius, COUPLING, k)
    return powers.excess(matrix(kind, size, radius), k)


def rounding_tolerance(at: "pd.Series[Any]") -> np.ndarray:
    """Return what rounding may change in ln sigma_max(W^k), k = 0 ... lags: of a logarithm, the relative error."""
    law = norms(at["matrix"], at["hidden_size"], at["radius"], at["lags"])
    return powers.rounding(law, at["hidden_size"], 2.0 * UNIT_ROUNDOFF[at["dtype"]])


def resolution(tolerance: float, lag: int, slack: float = 0.0) -> Resolution:
    """Return that of a claim about ln sigma_max of the Jacobian, to which every step back adds the factor's logarithm.

    A bound is not broken before what the law leaves below it, `slack`, is used up.
    """
    return Resolution.logarithmic(tolerance + slack / 2.0, FACTOR, power=lag)


def tail(lags: np.ndarray) -> tuple[int, int]:
    """Return the lags between which the factor per step is taken: from a tenth of the last one, to it."""
    return int(lags[np.searchsorted(lags, lags[-1] / 10.0)]), int(lags[-1])


def limit_tolerance(at: "pd.Series[Any]", first: int, last: int) -> float:
    """Return how far the factor per step between two lags may be from the spectral radius.

    By Gelfand ln sigma_max(W^k) lies above k ln rho by k times its excess there at most: at either lag, over the steps
    between them. Rounding adds to both, and to the root.
    """
    above = last * excess(at["matrix"], at["hidden_size"], at["radius"], np.array([last]))[0]
    rounding = rounding_tolerance(at)[[first, last]].sum()
    steps = last - first
    return float(at["radius"] * (np.expm1((above + rounding) / steps) + 2.0 * UNIT_ROUNDOFF["float64"]))
