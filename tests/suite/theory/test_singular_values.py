"""Singular values of Gaussian matrices: closed forms against random matrices and against one another."""

import math

import numpy as np
import pytest
from gradsuite.theory import singular_values as law
from scipy.integrate import quad

SIZE, SAMPLES = 64, 200


@pytest.fixture(scope="module")
def drawn():
    return np.random.default_rng(0).standard_normal((SAMPLES, SIZE, SIZE)) / math.sqrt(SIZE)


def test_largest_singular_value(drawn):
    top = np.linalg.norm(drawn, 2, axis=(1, 2))
    mean, sd = law.largest(SIZE)
    # Four standard errors, and what the edge law leaves out: O(N^(-2/3)) of the sd.
    assert top.mean() == pytest.approx(mean, abs=4 * sd / math.sqrt(SAMPLES) + SIZE ** (-2 / 3) * sd)
    assert top.std() == pytest.approx(sd, rel=4 / math.sqrt(2 * SAMPLES) + SIZE ** (-2 / 3))


@pytest.mark.parametrize("x", [0.3, 1.0, 1.9, 2.0, 3.0])
def test_the_quarter_circle_is_the_derivative_of_its_share(x):
    assert quad(law.quarter_circle, 0.0, min(x, 2.0))[0] == pytest.approx(float(law.quarter_circle_below(x)))


@pytest.mark.parametrize("factors", [1, 2, 3])
@pytest.mark.parametrize("independent", [False, True])
def test_spread_of_powers_and_of_products_of_independent_matrices(drawn, factors, independent):
    product = np.eye(SIZE)
    for k in range(factors):
        product = product @ (np.roll(drawn, k, axis=0) if independent else drawn)
    gram = product @ product.transpose(0, 2, 1)
    ratios = SIZE * np.square(gram).sum(axis=(1, 2)) / np.trace(gram, axis1=1, axis2=2) ** 2
    # Four standard errors, and the term of order 1 / N, which grows as k^2.
    slack = 4 * ratios.std() / math.sqrt(SAMPLES) + factors**2 / SIZE * law.spread(factors)
    assert ratios.mean() == pytest.approx(law.spread(factors), abs=slack)
