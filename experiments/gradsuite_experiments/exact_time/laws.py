"""What the powers of a recurrent matrix do to gradients, and how far a measurement may be off."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from gradsuite.claims import Source
from gradsuite.precision import UNIT_ROUNDOFF
from gradsuite.theory import powers

from gradsuite_experiments.exact_time.matrices import COUPLING, matrix

if TYPE_CHECKING:
    import pandas as pd

# Metrics: the extreme singular values of dh_T/dh_t, by lag T - t.
SIGMA_MAX = "sigma_max"
SIGMA_MIN = "sigma_min"

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


def root_tolerance(at: "pd.Series[Any]", lags: np.ndarray, rounding: float) -> float:
    """Return how far ln sigma_max(W^k) / k may be from its limit at the last of these lags, with `rounding` there."""
    return float(excess(at["matrix"], at["hidden_size"], at["radius"], lags)[-1] + rounding / lags[-1])
