"""Theory's horizons of the remedies, with the spread that networks of finite width have about them."""

import math
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from gradsuite.theory import driven_rnn, gates
from gradsuite.theory import gaussian_powers as powers

from gradsuite_experiments.common.horizon import horizon

UNIFORM = 1.0 / math.sqrt(3.0)  # gain of PyTorch's recurrent weights, U(+-1 / sqrt(H))
# One-hot inputs and two biases, U(+-1 / sqrt(H)) each, are noise of variance 3 / (3 H); orthonormal columns, of 1 / H.
GAINS = {"tanh": UNIFORM, "clipping": UNIFORM, "orthogonal": 1.0}
BIASES = {"lstm-0": 0, "lstm-1": 1, "lstm-5": 5}
POWERED = ("lstm-0", "lstm-1", "gru")  # powers of their Jacobian at the fixed point


def reach(norms: np.ndarray) -> float:
    """Return the lag at which norms fall to 1/1000 of the first one, or that of the first state if they do not."""
    return min(horizon(norms, 0.0), float(len(norms) - 1))


def curve_law(remedy: str, at: "pd.Series[Any]") -> np.ndarray | None:
    """Return the gradient by lag over that at T as theory has it, None where it has nothing."""
    return law(remedy, int(at["hidden_size"]), int(at["length"]))


def theory(remedy: str, at: "pd.Series[Any]") -> float:
    """Return theory's horizon, NaN where it has none."""
    curve = curve_law(remedy, at)
    return math.nan if curve is None else reach(curve)


@lru_cache
def law(remedy: str, H: int, T: int, corrected: bool = True) -> np.ndarray | None:
    """Return the root mean square gradient by lag: mean field, chrono's integral, or powers at the fixed point."""
    lags = np.arange(T)
    if remedy in GAINS:
        return np.exp(driven_rnn.rate(GAINS[remedy], 1.0 / H) / 2.0 * lags)
    if remedy == "chrono":
        return np.sqrt([gates.chrono_keep(2 * int(k), T) for k in lags])
    if remedy not in POWERED:
        return None
    power = fixed_point(remedy, H, corrected)
    return np.sqrt([powers.mean_square(int(k), *power, H) for k in lags])


def fixed_point(remedy: str, H: int, corrected: bool) -> tuple[float, float]:
    """Return what a step keeps and pulls at h = c = 0, corrected for inputs and biases to the order 1 / H.

    The candidate reads them with variance 1 / H, which takes that part from 1 - g^2, and they stay in the LSTM's cell
    state times at most i0 / (1 - f0), which takes the square of this from 1 - tanh^2 c.
    """
    if remedy == "gru":
        kept, pull, state = gates.keep(0.0), gates.gru_pull(), 0.0
    else:
        kept, pull = gates.keep(BIASES[remedy]), gates.lstm_pull()
        state = (gates.keep(0.0) / (1.0 - kept)) ** 2
    return kept, UNIFORM * pull * ((1.0 - 1.0 / H) * (1.0 - state / H) if corrected else 1.0)


def tolerance(remedy: str, at: "pd.Series[Any]") -> float:
    """Return four standard errors of the horizon, and by how much the networks' mean may lie before that of the mean.

    What spreads is ln |delta|^2, which falls by the rate a step: the spread of the horizon is the one over the other.
    The mean of a logarithm is lower than the logarithm of the mean by half the variance.
    """
    H, T, found = int(at["hidden_size"]), int(at["length"]), theory(remedy, at)
    k, moved = math.ceil(found), 0.0
    if remedy in GAINS:
        field = driven_rnn.mean_field(GAINS[remedy], 1.0 / H)
        rate = -math.log(field.chi_1)
        # Each step's variance is that of Gaussian weights; orthogonal ones vary less. Batches share weights: no help.
        variance = found * field.log_variance(H, field.fixed_point())
        if remedy != "orthogonal":
            # Beyond sqrt(H) steps the powers of one Gaussian matrix vary more than products of independent ones.
            variance += powers.mean_square_sd(k, 0.0, 1.0, H) ** 2
    else:
        power = fixed_point(remedy, H, True)
        here, before = (powers.mean_square(n, *power, H) for n in (k, k - 1))
        rate, variance = math.log(before / here), (powers.mean_square_sd(k, *power, H) / here) ** 2
        # The gates' own derivatives are of the order of the correction too: as much as this moved.
        if (leading := law(remedy, H, T, False)) is not None:
            moved = abs(reach(leading) - found)
    return (4.0 * math.sqrt(variance / at["seeds"]) + variance / 2.0) / rate + moved
