"""What theory says of each remedy's horizon, how far networks of finite width stray from it, sentences and sources."""

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from gradsuite.claims import Source
from gradsuite.precision import UNIT_ROUNDOFF
from gradsuite.theory import activations, driven_rnn, gates, linear_recurrence
from gradsuite.theory import gaussian_powers as powers
from gradsuite.theory.horizon import horizon
from gradsuite.theory.mean_field import MeanField, Residual
from scipy.special import expit

from gradsuite_experiments.common.networks import CHEN

if TYPE_CHECKING:
    import pandas as pd

GRADIENT = "gradient"  # root mean square over networks, by lag
HORIZON, HORIZON_TRAINED = "horizon", "horizon_trained"  # by member
ERROR = "error"
# What the forget gates drawn for chrono, or an LRU's eigenvalues, keep of the squared gradient at the start, mean over
# networks.
KEPT = "kept"
LOSS, LOSS_TRAINED = "loss", "loss_trained"
SECONDS, SECONDS_PLAIN = "seconds", "seconds_plain"  # of a training step, and of plain tanh's in the same round

MEAN_FIELD = Source(f"mean field, ln chi_1 per step: {CHEN.text}", checked=CHEN.checked)
POWERS = Source("powers of kept + pull W at the fixed point, by Wick's theorem, with its next order in 1 / H")
BARE = Source(
    "exact for the forget gate alone; its bias: Jozefowicz, Zaremba & Sutskever 2015 (ICML, PMLR 37), sec. 2.2"
)
LE = Source("exact; Le, Jaitly & Hinton 2015, arXiv:1504.00941")
TALLEC = Source("Tallec & Ollivier 2018, arXiv:1804.11188, eq. 16; what their gates keep is exact")
PASCANU = Source("exact; clipping: Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, algorithm 1")

GATES_OF_INPUTS = Source("exact for gates of the inputs alone (Feng et al. 2024, arXiv:2410.01201, sec. 3)")
EIGENVALUES = Source("exact: the recurrence of Orvieto et al. 2023, arXiv:2303.06349, is diagonal")
NORMALISED = Source("seen, with room; that it is at most what mean field has is derived")
RESIDUAL = Source(
    "mean field: Yang & Schoenholz 2017, arXiv:1712.08969; derived here: a path past the layer adds 1 to its chi",
    checked=False,
)

AT_HORIZON = {  # of the remedies whose horizon has a law
    "tanh": ("Plain tanh: the horizon is that of mean field at gain 1 / sqrt(3).", MEAN_FIELD),
    "orthogonal": ("Orthogonal tanh: the horizon is that of mean field at gain 1.", MEAN_FIELD),
    "lstm-0": ("LSTM, forget bias 0: the horizon is that of powers of f0 + i0 o0 W_g.", POWERS),
    "lstm-1": ("LSTM, forget bias 1: the horizon is that of powers of f0 + i0 o0 W_g.", POWERS),
    "gru": ("GRU: the horizon is that of powers of z0 + (1 - z0) r0 W_n.", POWERS),
    "mingru": ("minGRU: the horizon is that of the product of 1 - z, whatever W_n.", GATES_OF_INPUTS),
}
TO_THE_START = {
    "identity": ("Identity-ReLU: the horizon is beyond the start of the sequence.", LE),
    "chrono": ("Chrono: the horizon is beyond the start of the sequence.", TALLEC),
    "lru": ("LRU: the horizon is beyond the start of the sequence.", EIGENVALUES),
    "residual": ("Residual layers: the horizon is beyond the first layer.", RESIDUAL),
}
FORGET_BIAS = "LSTM, forget bias {bias}: the horizon is at least that of sigma({bias})^k, or the start."
IDENTITY = "Identity-ReLU: at every lag, a unit's gradient is exactly what it is at T, or zero."
CHRONO_KEPT = (
    "Chrono: of the squared gradient, at least what the forget gates drawn keep, f^(2 (T-1)), is left at the start."
)
LRU_KEPT = "LRU: of each unit's squared gradient, |lambda|^(2 (T-1)) is left at the start."
GROWN = "Residual layers: |dL/dh|^2 grows by the factors 1 + chi of mean field, on average per layer."
LAYER_NORM = "Layer-normalised tanh: the horizon is at least three times that of plain tanh."
LAYER_NORM_RATIO = 3.0  # 7 times was seen: some networks' gradients grow, as mean field has it, and others' fall
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
    if remedy == "lru":
        return np.sqrt(linear_recurrence.ring_power(lags))
    if remedy == "mingru":
        kept, weights = mingru_keeps()
        return np.sqrt([weights @ kept**k for k in lags])
    if remedy == "residual":
        return np.sqrt(np.cumprod([1.0, *deep(H, T)[0][::-1]]))
    if remedy not in POWERED:
        return None
    power = fixed_point(remedy, H, corrected)
    return np.sqrt([powers.mean_square(int(k), *power, H) for k in lags])


@lru_cache
def mingru_keeps() -> tuple[np.ndarray, np.ndarray]:
    """Return E (1 - z)^2 over symbols, for the weights that PyTorch may draw, and how likely these are.

    A unit's z = sigma(w_s + b) depends on the symbol of the step: one of four, as likely as one another, but for two
    steps far back. Weights and bias are U(+-1 / sqrt(6)), of six inputs; the integral is Gauss-Legendre's.
    """
    nodes, weight = np.polynomial.legendre.leggauss(6)
    w = np.meshgrid(*[nodes / math.sqrt(6.0)] * 5, indexing="ij")
    likely = np.prod(np.meshgrid(*[weight / 2.0] * 5, indexing="ij"), axis=0)
    return np.mean([expit(-(one + w[4])) ** 2 for one in w[:4]], axis=0).ravel(), likely.ravel()


@lru_cache
def deep(H: int, T: int) -> tuple[list[float], float]:
    """Return 1 + chi of T - 1 residual layers from the second on, and the variance of ln |dL/dh|^2 over all of them.

    The first reads T one-hot symbols, and its weights and biases are of variance 1 / (18 T), as PyTorch draws them.
    """
    network = Residual(MeanField("tanh", UNIFORM, UNIFORM / math.sqrt(H)))
    first = activations.second_moment("tanh", (T + 1) / (18.0 * T))
    factors = network.factors(first, T - 1)
    squares = [square for (_, square), _ in zip(network.moments(0.0, first), factors, strict=False)]
    pairs = zip(factors, squares, strict=True)
    return factors, math.fsum(network.log_variance(H, factor, square) for factor, square in pairs)


def grown(settings: "pd.Series[Any]") -> tuple[float, float]:
    """Return by which factor |dL/dh|^2 grows per residual layer, and four standard errors, with half the variance.

    The batch's gradients are three numbers times the readout's rows: their directions make little of a mean.
    """
    layers = settings["length"] - 1
    factors, variance = deep(settings["hidden_size"], settings["length"])
    expected = math.exp(math.fsum(map(math.log, factors)) / layers)
    return expected, expected * (4.0 * math.sqrt(variance / settings["seeds"]) + variance / 2.0) / layers


def eigenvalue_tolerance(settings: "pd.Series[Any]") -> float:
    """Return the relative error of |lambda|^(2 (T - 1)): lambda is off by four roundings, the same at every step."""
    return 8.0 * settings["length"] * UNIT_ROUNDOFF[settings["dtype"]]


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
    if remedy == "mingru":
        kept, weights = mingru_keeps()
        here, before, fourth = (float(weights @ kept**n) for n in (k, k - 1, 2 * k))
        # Units are weighted by the squared gradients of the batch at T, of three directions: (1 + 2 / 3) H^-1.
        return Fall(math.log(before / here), (5.0 / 3.0 * fourth / here**2 - 1.0) / H, 0.0)
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
