"""What is known of the singular values of a Jacobian through time: sources, expected values and tolerances."""

import math

import numpy as np
from gradsuite.claims import Source
from gradsuite.precision import bound
from gradsuite.theory import gaussian_powers as powers
from gradsuite.theory import singular_values as theory

# Metrics, by lag (index): quantiles, moments and the condition number, means over networks.
SMALLEST, LOW, MEDIAN, HIGH, LARGEST = "smallest", "low", "median", "high", "largest"
QUANTILES = {SMALLEST: 0.0, LOW: 0.1, MEDIAN: 0.5, HIGH: 0.9, LARGEST: 1.0}
MEAN_SQUARE = "square"
SPREAD = "spread"  # E s^4 / (E s^2)^2
CONDITION = "condition"
MOST = "most"  # the largest of all networks
ERROR = "error"  # relative, where the values are known
ONE_STEP = "singular_value"  # every singular value of lag 1, of all networks, in order (index)

ISOMETRY = Source("Saxe, McClelland & Ganguli 2013, arXiv:1312.6120, sec. 3; exact")
CHAIN_RULE = Source("exact: the Jacobian of a step is diag(1 - h^2) W, and 1 - h^2 is at most 1")
PRODUCT = Source("exact: without recurrent weights the Jacobian is diagonal")
WICK = Source("leading order by Wick's theorem: W^k keeps the mean squared singular value of k independent factors")
FUSS_CATALAN = Source(
    "Fuss-Catalan numbers of powers of a random matrix: Alexeev, Götze & Tikhomirov 2010, arXiv:1002.4442"
)
EDGE = Source("Tracy-Widom law, beta = 1, of the largest singular value: Johnstone 2001, Ann. Statist. 29(2):295-327")
QUARTER = Source("Marchenko & Pastur 1967, Math. USSR-Sb. 1(4):457-483, as in Saxe et al. 2013, sec. 3")

SPREAD_SD = 1.5  # k / N, at most: sd of E s^4 / (E s^2)^2 over its mean; 1 to 1.4 seen for k = 1 to 4 at N = 64


def rounding(dtype: str, width: int, lag: int) -> float:
    """Return what rounding may change: each step rounds sums of N products, and so does the decomposition."""
    return bound(dtype, width * (lag + 1))


def has_leading_order(width: int, lag: int) -> bool:
    """Whether the leading order in k^2 / N says much about W^k."""
    return lag**2 <= width / 4


def mean_square(width: int, lag: int, seeds: int) -> tuple[float, float]:
    """Return the mean squared singular value after `lag` steps, and four standard errors over networks."""
    sd = powers.mean_square_sd(lag, 0.0, 1.0, width)
    return powers.mean_square(lag, 0.0, 1.0, width), 4.0 * sd / math.sqrt(seeds)


def spread(width: int, lag: int, seeds: int) -> tuple[float, float]:
    """Return the spread after `lag` steps, and four standard errors with the neglected term of order k / N."""
    expected = theory.spread(lag)
    return expected, (4.0 * SPREAD_SD / math.sqrt(seeds) + 1.0) * lag / width * expected


def largest(width: int, seeds: int) -> tuple[float, float]:
    """Return the largest singular value of one step, and four standard errors with the edge's next order, N^(-2/3)."""
    expected, sd = theory.largest(width)
    return expected, (4.0 / math.sqrt(seeds) + width ** (-2 / 3)) * sd


def quarter_circle_distance(singular_values: np.ndarray) -> float:
    """Return the largest distance between the distribution of singular values (in order) and the quarter circle's."""
    below, rank = theory.quarter_circle_below(singular_values), np.arange(len(singular_values))
    count = len(singular_values)
    return float(max((below - rank / count).max(), ((rank + 1) / count - below).max()))


def quarter_circle_tolerance(width: int) -> float:
    """Return ln N / N: singular values repel, so their distribution function is not off by 1 / sqrt(N)."""
    return math.log(width) / width
