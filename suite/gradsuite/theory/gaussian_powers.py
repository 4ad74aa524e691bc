"""Powers of a shifted Gaussian matrix, J^k = (kept + pull W)^k: what k steps do to a gradient's squared norm.

W is N x N with independent N(0, 1 / N) entries. Everything follows from planar pairings of the words tr W^a (W^T)^b:
W^a and W^b are orthogonal and of unit length at leading order, and of pairs that leave 2 d letters of one kind over
there are min(a, b) + 1, each of weight 1 / N (the Wick expansion; checked against random matrices in the tests).
"""

import math

import numpy as np


def mean_square(steps: int, kept: float, pull: float, size: float = math.inf) -> float:
    """Return E |J^k v|^2 / |v|^2, the mean squared singular value of J^k, with its correction of order 1 / N.

    sum_j c_j^2 with c_j = C(k, j) kept^(k - j) pull^j, and sum c_a c_b (min(a, b) + 1) / N over a - b even and not 0.
    """
    c = binomial(steps, kept, pull)
    powers = np.arange(steps + 1)
    a, b = powers[:, None], powers
    even = ((a - b) % 2 == 0) & (a != b)
    return float(c @ c + (np.outer(c, c) * (np.minimum(a, b) + 1))[even].sum() / size)


def mean_square_sd(steps: int, kept: float, pull: float, size: float) -> float:
    """Return the standard deviation of |J^k|_F^2 / N over W, to leading order in 1 / N.

    Pairings within each of two words leave W^m (W^T)^n over, in s + 1 ways each; what is left of the one is paired with
    the other, in every rotation and either orientation (the second-order limit of real Gaussian matrices).
    """
    c = binomial(steps, kept, pull)
    left = np.zeros((steps + 1, steps + 1))
    for m in range(steps + 1):
        for n in range(steps + 1):
            paired = np.arange(steps + 1 - max(m, n))
            left[m, n] = np.sum(c[m + paired] * c[n + paired] * (paired + 1))
    rotations = np.ones_like(left)
    rotations[0] = rotations[:, 0] = np.arange(steps + 1)
    return float(np.sqrt(np.sum(rotations * left * (left + left.T)))) / size


def binomial(steps: int, kept: float, pull: float) -> np.ndarray:
    """Return C(k, j) kept^(k - j) pull^j for j = 0 ... k."""
    return np.array([math.comb(steps, j) * kept ** (steps - j) * pull**j for j in range(steps + 1)])
