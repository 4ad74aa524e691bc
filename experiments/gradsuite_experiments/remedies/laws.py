"""What theory says of each remedy's horizon, how far networks of finite width stray from it, sentences and sources."""

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from gradsuite.claims import Source
from gradsuite.theory import driven_rnn, gates
from gradsuite.theory import gaussian_powers as powers

from gradsuite_experiments.common.horizon import horizon
from gradsuite_experiments.common.networks import CHEN

if TYPE_CHECKING:
    import pandas as pd

GRADIENT = "gradient"  # root mean square over networks, by lag
HORIZON, HORIZON_TRAINED = "horizon", "horizon_trained"  # by member
ERROR = "error"
KEPT = "kept"  # what the forget gates drawn for chrono keep of the squared gradient at the start, mean over networks
LOSS, LOSS_TRAINED = "loss", "loss_trained"
SECONDS = "seconds"  # of a training step

MEAN_FIELD = Source(f"mean field, ln chi_1 per step: {CHEN.text}", checked=CHEN.checked)
POWERS = Source("powers of kept + pull W at the fixed point, by Wick's theorem, with its next order in 1 / H")
BARE = Source(
    "exact for the forget gate alone; its bias: Jozefowicz, Zaremba & Sutskever 2015 (ICML, PMLR 37), sec. 2.2"
)
LE = Source("exact; Le, Jaitly & Hinton 2015, arXiv:1504.00941")
TALLEC = Source("Tallec & Ollivier 2018, arXiv:1804.11188, eq. 16; what their gates keep is exact")
PASCANU = Source("exact; clipping: Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, algorithm 1")

AT_HORIZON = {  # of the remedies whose horizon has a law
    "tanh": ("Plain tanh: the horizon is that of mean field at gain 1 / sqrt(3).", MEAN_FIELD),
    "orthogonal": ("Orthogonal tanh: the horizon is that of mean field at gain 1.", MEAN_FIELD),
    "lstm-0": ("LSTM, forget bias 0: the horizon is that of powers of f0 + i0 o0 W_g.", POWERS),
    "lstm-1": ("LSTM, forget bias 1: the horizon is that of powers of f0 + i0 o0 W_g.", POWERS),
    "gru": ("GRU: the horizon is that of powers of z0 + (1 - z0) r0 W_n.", POWERS),
}
TO_THE_START = {
    "identity": ("Identity-ReLU: the horizon is beyond the start of the sequence.", LE),
    "chrono": ("Chrono: the horizon is beyond the start of the sequence.", TALLEC),
}
FORGET_BIAS = "LSTM, forget bias {bias}: the horizon is at least that of sigma({bias})^k, or the start."
IDENTITY = "Identity-ReLU: at every lag, a unit's gradient is exactly what it is at T, or zero."
CHRONO_KEPT = (
    "Chrono: of the squared gradient, at least what the forget gates drawn keep, f^(2 (T-1)), is left at the start."
)
CLIPPED = "Clipping: gradients through time are those of plain tanh, bit for bit."
ORTHOGONAL = "Orthogonal tanh: the horizon is at least three times that of plain tanh."
LARGER_BIAS = "LSTM: a larger forget bias reaches farther."
ORTHOGONAL_RATIO = 3.0  # mean field has 6 for the quick preset; three standard errors of both horizons leave 3

UNIFORM = 1.0 / math.sqrt(3.0)  # gain of PyTorch's recurrent weights, U(+-1 / sqrt(H))
# One-hot inputs and two biases, U(+-1 / sqrt(H)) each, are noise of variance 3 / (3 H); orthonormal columns, of 1 / H.
GAINS = {"tanh": UNIFORM, "clipping": UNIFORM, "orthogonal": 1.0}
# Orthogonal weights turn directions and stretch none: of the Gaussian variance this was seen, 48 networks of width 48.
ORTHOGONAL_VARIANCE = 0.28
CHRONO_SD = 0.14
BIASES = {"lstm-0": 0, "lstm-1": 1, "lstm-5": 5}
POWERED = ("lstm-0", "lstm-1", "gru")  # powers of their Jacobian at the fixed point


def reach(norms: np.ndarray) -> float:
    """Return the lag at which norms fall to 1/1000 of the first one, or the longest lag if they do not."""
    return min(horizon(norms, 0.0), float(len(norms) - 1))


def curve_law(remedy: str, settings: "pd.Series[Any]") -> np.ndarray | None:
    """Return theory's gradient by lag, over that at T; None where there is no law."""
    return law(remedy, settings["hidden_size"], settings["length"])


def theory(remedy: str, settings: "pd.Series[Any]") -> float:
    """Return theory's horizon; NaN where there is no law."""
    curve = curve_law(remedy, settings)
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
    """Return what a step keeps and pulls at h = c = 0, corrected for inputs and biases to order 1 / H.

    The candidate reads them with variance 1 / H, which takes that part from 1 - g^2, and they stay in the LSTM's cell
    state times at most i0 / (1 - f0), which takes the square of this from 1 - tanh^2 c.
    """
    if remedy == "gru":
        kept, pull, state = gates.keep(0.0), gates.gru_pull(), 0.0
    else:
        kept, pull = gates.keep(BIASES[remedy]), gates.lstm_pull()
        state = (gates.keep(0.0) / (1.0 - kept)) ** 2
    return kept, UNIFORM * pull * ((1.0 - 1.0 / H) * (1.0 - state / H) if corrected else 1.0)


class Fall(NamedTuple):
    """How a gradient falls at its horizon: ln |delta|^2 by `rate` per step, with `variance` between networks there.

    `neglected` steps are what the law leaves out.
    """

    rate: float
    variance: float
    neglected: float


def fall(remedy: str, settings: "pd.Series[Any]") -> Fall:
    """Return the fall of a remedy whose horizon has a law."""
    H, T, expected = settings["hidden_size"], settings["length"], theory(remedy, settings)
    k = math.ceil(expected)
    if remedy in GAINS:
        field = driven_rnn.mean_field(GAINS[remedy], 1.0 / H)
        # Each step's variance is that of Gaussian weights. A batch shares its weights.
        variance = expected * field.log_variance(H, field.fixed_point())
        if remedy == "orthogonal":
            variance *= ORTHOGONAL_VARIANCE
        else:
            # Beyond sqrt(H) steps the powers of one Gaussian matrix vary more than products of independent ones.
            variance += powers.mean_square_sd(k, 0.0, 1.0, H) ** 2
        return Fall(-math.log(field.chi_1), variance, 0.0)
    power = fixed_point(remedy, H, True)
    here, before = (powers.mean_square(n, *power, H) for n in (k, k - 1))
    variance = (powers.mean_square_sd(k, *power, H) / here) ** 2 + direction_variance(k, *power, H)
    # The gates' derivatives are of the same order as the correction: allow as much as it moved the horizon.
    leading = law(remedy, H, T, False)
    return Fall(math.log(before / here), variance, 0.0 if leading is None else abs(reach(leading) - expected))


def direction_variance(steps: int, kept: float, pull: float, size: int) -> float:
    """Return the relative variance of |J^k v|^2 for one direction v, J = kept + pull W, to leading order in 1 / N.

    J^k v is the sum of c_j W^j v. Their squared lengths are products of chi-squared variables over N, of which W^i v
    and W^j v share the first min(i, j): covariances 2 min(i, j) / N. Their inner products have the variance 1 / N.
    """
    squares = powers.binomial(steps, kept, pull) ** 2
    j = np.arange(steps + 1)
    apart = 1.0 - np.eye(steps + 1)
    shared = 2.0 * (np.minimum(j[:, None], j) + apart)
    return float(squares @ shared @ squares) / squares.sum() ** 2 / size


def horizon_tolerance(remedy: str, settings: "pd.Series[Any]") -> float:
    """Return four standard errors of the mean horizon, and by how much it may lie before the mean gradient's.

    What spreads is ln |delta|^2, which falls by `rate` per step: the horizon's spread is the one over the other. The
    mean of a logarithm is lower than the logarithm of the mean by half the variance.
    """
    rate, variance, neglected = fall(remedy, settings)
    return (4.0 * math.sqrt(variance / settings["seeds"]) + variance / 2.0) / rate + neglected


def chrono_tolerance(settings: "pd.Series[Any]") -> float:
    """Return four standard errors of what is left at the start, over what the forget gates drawn keep.

    Recurrent paths add a fifth to it on average, and either sign to one network: 0.14 over 40 networks of width 48.
    """
    return 4.0 * CHRONO_SD * math.sqrt(48.0 / settings["hidden_size"] / settings["seeds"])


def bare_horizon(bias: int, T: int) -> float:
    """Return the horizon of the forget gate alone: recurrent weights add paths, orthogonal to it at leading order."""
    return reach(gates.keep(bias) ** np.arange(T))
