"""What mean-field theory says of a trial, how near a finite network comes to it, and where that is written."""

import math
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from gradsuite.claims import Resolution, Source
from gradsuite.theory.mean_field import MeanField, Residual

if TYPE_CHECKING:
    import pandas as pd
    from gradsuite.settings import Settings

SLOPE = "slope"  # of ln |dL/dh|^2 over the layers, for each network
LN_RATIO_MEAN = "ln_ratio_mean"  # of |dL/dh|^2 over that at the top, by layers below it
LN_RATIO_SD = "ln_ratio_sd"

# Common initialisations as points of the phase plane: sigma_w, and sigma_b times sqrt(N).
SCHEMES = {
    "default": (math.sqrt(1.0 / 3.0), math.sqrt(1.0 / 3.0)),
    "xavier": (1.0, 0.0),
    "he": (math.sqrt(2.0), 0.0),
    "orthogonal": (1.0, 0.0),
}
SCHEME_TEXTS = {
    "default": "torch.nn.Linear's U(+-1/sqrt(n)), the 'commonly used heuristic' of Glorot & Bengio 2010, eq. 1",
    "xavier": "Glorot & Bengio 2010, eq. 16",
    "he": "He et al. 2015, arXiv:1502.01852, sec. 2.2",
    "orthogonal": "Saxe, McClelland & Ganguli 2013, arXiv:1312.6120, sec. 3",
}
# Of the first the abstract was read, of the second the authors' code (ganguli-lab/deepchaos, cornet/theory.py).
SCHOENHOLZ = Source(
    "Schoenholz et al. 2017, arXiv:1611.01232; chi_1 as computed by Poole et al. 2016, arXiv:1606.05340", checked=False
)
SCHEMES_AT = {name: Source(f"{text}; {SCHOENHOLZ.text}", checked=False) for name, text in SCHEME_TEXTS.items()}
CRITICAL = Source("derived: q_l falls like 1 / (2 l) at tanh's critical point, and chi(q) = 1 - 2 q + ...")
RESIDUAL = Source(
    "Yang & Schoenholz 2017, arXiv:1712.08969; derived here: a path past the layer adds 1 to its chi", checked=False
)
SIGMOID = Source("exact: sigma' <= 1 / 4")

EVEN = ("tanh", "sigmoid", "identity")  # activations whose slope at -z is that at z
INPUT_SQUARE = 1.0  # E x^2 of what a residual network reads

SQUARED_FACTOR = "the squared state gradient's factor per layer"


def field(at: "pd.Series[Any] | Settings") -> MeanField:
    """Return the mean field of a trial."""
    return MeanField(at["activation"], at["sigma_w"], at["sigma_b"])


def start(at: "pd.Series[Any] | Settings") -> float:
    """Return the variance that the first layer is given: q* where it is finite and above zero, else that of x = 1.

    Residual layers have no fixed point.
    """
    q = math.inf if at["cell"] == "residual" else field(at).fixed_point()
    return q if 0.0 < q < math.inf else at["sigma_w"] ** 2 + at["sigma_b"] ** 2


def slope(at: "pd.Series[Any]") -> float:
    """Return the mean slope over the layers: ln chi_1, or the product of chi(q_l) where q still moves."""
    if at["cell"] == "residual":
        return math.log(ratios(at)[-1]) / (at["num_layers"] - 1)
    second = field(at).next_variance(start(at))
    return math.log(field(at).gradient_product(second, at["num_layers"] - 1)) / (at["num_layers"] - 1)


def ratios(at: "pd.Series[Any]") -> np.ndarray:
    """Return |dL/dh|^2 over that at the top by layers below it (L), which see the variances last to first."""
    if at["cell"] == "residual":
        return np.cumprod([1.0, *Residual(field(at)).factors(INPUT_SQUARE, at["num_layers"])[:0:-1]])
    chi = [field(at).chi(q) for q in islice(field(at).variances(start(at)), at["num_layers"])]
    return np.cumprod([1.0, *chi[:0:-1]])


def factor(at: "pd.Series[Any]") -> tuple[float, float]:
    """Return the typical factor per layer, e^slope, and its tolerance."""
    expected = math.exp(slope(at))
    return expected, expected * tolerance(at)


def sigmoid_bound(at: "pd.Series[Any]") -> tuple[float, float, Resolution]:
    """Return the largest factor that sigmoid layers allow, sigma_w^2 times the square of 1 / 4, and its tolerance.

    It is not broken before the distance from chi_1 to it is used up.
    """
    bound = at["sigma_w"] ** 2 / 16.0
    slack = math.log(bound) - slope(at)
    return bound, bound * tolerance(at), Resolution.logarithmic(tolerance(at) + slack / 2.0, SQUARED_FACTOR)


def residual_variance(at: "pd.Series[Any]") -> float:
    """Return the variance of ln |dL/dh|^2 of residual layers, mean over them."""
    network, depth = Residual(field(at)), at["num_layers"]
    squares = [square for _, square in islice(network.moments(0.0, INPUT_SQUARE), depth)]
    factors = network.factors(INPUT_SQUARE, depth)
    pairs = zip(factors[1:], squares[1:], strict=True)
    return float(np.mean([network.log_variance(at["hidden_size"], *pair) for pair in pairs]))


def side(at: "pd.Series[Any]") -> float:
    """Return ln chi_1, or 0 within 0.02 of the critical line, where a finite network may be on either side."""
    log = math.log(field(at).chi_1)
    return log if abs(log) > 0.02 else 0.0


def tolerance(at: "pd.Series[Any]") -> float:
    """Return four standard errors of the mean slope over networks, and by how much a typical slope is below the mean.

    One direction's ln |dL/dh|^2 has log_variance per layer. A batch of 16 directions halves the standard deviation, and
    the mean of a logarithm lies below the logarithm of the mean by half the variance: by an eighth of one direction's.
    """
    layers = at["num_layers"] - 1
    variance = (
        residual_variance(at) if at["cell"] == "residual" else field(at).log_variance(at["hidden_size"], start(at))
    )
    return 4.0 * math.sqrt(variance / layers / at["seeds"]) / 2.0 + variance / 8.0
