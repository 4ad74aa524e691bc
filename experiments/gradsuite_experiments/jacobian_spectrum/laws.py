"""What is known of the singular values of a Jacobian through time: sources, expected values and tolerances."""

import math

import numpy as np
from gradsuite.claims import Resolution, Source
from gradsuite.precision import bound
from gradsuite.theory import gaussian_powers as powers
from gradsuite.theory import singular_values as theory

# Metrics, by lag (index): quantiles, moments and the condition number, means over networks.
SMALLEST, LOW, MEDIAN, HIGH, LARGEST = "smallest", "low", "median", "high", "largest"
QUANTILES = {SMALLEST: 0.0, LOW: 0.1, MEDIAN: 0.5, HIGH: 0.9, LARGEST: 1.0}
MEAN_SQUARE = "square"
SPREAD = "spread"  # E s^4 / (E s^2)^2
CONDITION = "condition"
ERROR = "error"  # where the values are known: relative, but of eigenvalues
EXPONENT_ERROR = "exponent_error"  # of Lyapunov exponents, where they are known
MAGNIFIED = "magnified"  # what reading a Jacobian off the gradients makes of a rounding
ONE_STEP = "singular_value"  # every singular value of lag 1, of all networks, in order (index)

ISOMETRY = Source("Saxe, McClelland & Ganguli 2013, arXiv:1312.6120, sec. 3; exact")
CHAIN_RULE = Source("exact: the Jacobian of a step is diag(1 - h^2) W, and W is orthogonal")
PRODUCT = Source("exact: where gates see the inputs alone, the Jacobian is diagonal")
DIAGONAL = Source(
    "exact: the recurrence is diagonal, s' = lambda s + ...; Orvieto et al. 2023, arXiv:2303.06349, eq. 1"
)
WICK = Source("leading order by Wick's theorem: W^k keeps the mean squared singular value of k independent factors")
FUSS_CATALAN = Source(
    "Fuss-Catalan numbers of powers of a random matrix: Alexeev, Götze & Tikhomirov 2010, arXiv:1002.4442"
)
EDGE = Source("Tracy-Widom law, beta = 1, of the largest singular value: Johnstone 2001, Ann. Statist. 29(2):295-327")
QUARTER = Source("Marchenko & Pastur 1967, Math. USSR-Sb. 1(4):457-483, as in Saxe et al. 2013, sec. 3")

FACTOR = "the state gradient's factor per step"
LEFT = 1000.0  # exponents are read where at least 1/1000 is left: of less, rounding leaves too few digits
ALL_SPREAD = "E s^4 / (E s^2)^2 of the Jacobian"


def rounding(dtype: str, width: int, lag: int) -> float:
    """Return what rounding may change: each step rounds sums of N products, and so does the decomposition."""
    return bound(dtype, width * (lag + 1))


def exponent_errors(singular_values: np.ndarray, exact: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Return by lag the largest error of ln s / lag, of those of which a thousandth is left (seeds, lags, states)."""
    left = exact * LEFT > 1.0
    with np.errstate(divide="ignore"):
        errors = abs(np.log(singular_values) - np.log(exact)) / lags[:, None]
    return np.where(left, errors, 0.0).max(axis=(0, 2))


def has_leading_order(width: int, lag: int) -> bool:
    """Whether the leading order in k^2 / N says much about W^k."""
    return lag**2 <= width / 4


def mean_square(width: int, lag: int, seeds: int) -> tuple[float, float, Resolution]:
    """Return the mean squared singular value after `lag` steps, four standard errors over networks, and what they see.

    Singular values are multiplied by every step's factor, their squares by its square.
    """
    expected = powers.mean_square(lag, 0.0, 1.0, width)
    tolerance = 4.0 * powers.mean_square_sd(lag, 0.0, 1.0, width) / math.sqrt(seeds)
    size = math.expm1(math.log1p(2.0 * tolerance / expected) / (2 * lag))
    return expected, tolerance, Resolution(size, FACTOR)


def spread(width: int, lag: int, seeds: int) -> tuple[float, float, Resolution]:
    """Return the spread after `lag` steps, and four standard errors with the neglected term, k / (2 N) of it.

    That term is exact at k = 1, and less was seen at k = 2 to 4. The standard deviation over networks, in k / N of the
    spread, was 1.0, 1.1, 1.4 and 1.7 at k = 1 to 4, N = 32 and 64: 0.8 + k / 4 is above all of them.
    """
    expected = theory.spread(lag)
    tolerance = (4.0 * (0.8 + lag / 4.0) / math.sqrt(seeds) + 0.5) * lag / width * expected
    return expected, tolerance, Resolution.linear(expected, tolerance, ALL_SPREAD)


def largest(width: int, seeds: int) -> tuple[float, float, Resolution]:
    """Return the largest singular value of one step, and four standard errors with the edge's next order, N^(-2/3)."""
    expected, sd = theory.largest(width)
    tolerance = (4.0 / math.sqrt(seeds) + width ** (-2 / 3)) * sd
    return expected, tolerance, Resolution.linear(expected, tolerance, FACTOR)


def quarter_circle_distance(singular_values: np.ndarray) -> float:
    """Return the largest distance between the distribution of singular values (in order) and the quarter circle's."""
    below, rank = theory.quarter_circle_below(singular_values), np.arange(len(singular_values))
    count = len(singular_values)
    return float(max((below - rank / count).max(), ((rank + 1) / count - below).max()))


def quarter_circle(width: int, seeds: int) -> tuple[float, Resolution]:
    """Return how far the distributions may be apart: four standard errors over networks, and half a singular value.

    Singular values repel: the number of them below a bound has a variance of (ln(2 pi N) + gamma + 1 - pi^2 / 8) / pi^2
    only, half of that within two bounds (Dyson & Mehta 1963, J. Math. Phys. 4:701, of symmetric matrices; not read).
    The mean number is off by less than a half. A factor of 1 + x moves the distribution by x s p(s), 2 x / pi where
    that is most.
    """
    variance = (math.log(2.0 * math.pi * width) + np.euler_gamma + 1.0 - math.pi**2 / 8.0) / math.pi**2
    tolerance = (4.0 * math.sqrt(variance / seeds) + 0.5) / width
    return tolerance, Resolution(math.pi * tolerance, FACTOR)
