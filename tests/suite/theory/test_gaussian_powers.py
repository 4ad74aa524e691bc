"""Powers of shifted Gaussian matrices: mean and spread of the squared norm, against random matrices and by hand."""

import math

import numpy as np
import pytest
from gradsuite.theory import gaussian_powers as powers

SIZE, SAMPLES = 64, 400


@pytest.fixture(scope="module")
def drawn():
    return np.random.default_rng(0).standard_normal((SAMPLES, SIZE, SIZE)) / math.sqrt(SIZE)


@pytest.mark.parametrize(("kept", "pull"), [(0.6, 0.3), (0.5, 0.5), (0.0, 1.0)])
def test_mean_and_spread_against_random_matrices(drawn, kept, pull):
    jacobian = kept * np.eye(SIZE) + pull * drawn
    power = np.eye(SIZE)
    for steps in range(1, 6):
        power = jacobian @ power
        found = np.square(power).sum(axis=(1, 2)) / SIZE
        mean, sd = (law(steps, kept, pull, SIZE) for law in (powers.mean_square, powers.mean_square_sd))
        # Four standard errors of the mean; of the standard deviation, sqrt((kurtosis - 1) / 4 n) of it, and the next
        # order: the sd grows with k as e^(k^2 / N) does.
        assert found.mean() == pytest.approx(mean, abs=4 * sd / math.sqrt(SAMPLES))
        kurtosis = np.mean((found - found.mean()) ** 4) / found.var() ** 2
        slack = 4 * math.sqrt((kurtosis - 1) / (4 * SAMPLES)) + steps**2 / SIZE
        assert found.std() == pytest.approx(sd, rel=slack)


def test_the_correction_is_seen(drawn):
    """At five steps the 1 / N term is many standard errors, so that the test above cannot pass without it."""
    steps, kept, pull = 5, 0.5, 0.5
    correction = powers.mean_square(steps, kept, pull, SIZE) - powers.mean_square(steps, kept, pull)
    assert correction > 5 * powers.mean_square_sd(steps, kept, pull, SIZE) / math.sqrt(SAMPLES)


def test_one_step_by_hand():
    # |f + p W|_F^2 / N = f^2 + 2 f p tr W / N + p^2 tr W W^T / N, with Var tr W = 1 and Var tr W W^T = 2.
    f, p, N = 0.7, 0.4, 50
    assert powers.mean_square(1, f, p) == powers.mean_square(1, f, p, N) == pytest.approx(f**2 + p**2)
    assert powers.mean_square_sd(1, f, p, N) == pytest.approx(math.sqrt(4 * f**2 * p**2 + 2 * p**4) / N)


def test_two_steps_of_a_gaussian_matrix_by_hand():
    # tr W^2 W^T^2: Var = 2 (2^2 + 1): W W^T in the middle leaves W W^T over, in two ways.
    assert powers.mean_square_sd(2, 0.0, 1.0, 10) == pytest.approx(math.sqrt(10) / 10)


def test_without_one_of_them_it_is_a_power():
    assert powers.mean_square(7, 0.6, 0.0) == pytest.approx(0.6**14)
    assert powers.mean_square(7, 0.0, 0.6) == pytest.approx(0.6**14)
    assert powers.mean_square_sd(7, 0.6, 0.0, 10) == 0.0
