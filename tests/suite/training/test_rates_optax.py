"""Rates against optax's schedules."""

import numpy as np
import pytest
from gradsuite.training.rates import Cosine, Step, rate

jax = pytest.importorskip("jax")
optax = pytest.importorskip("optax")

LR = 0.3
STEPS = 60


def assert_same(rate, schedule):
    with jax.enable_x64(True):
        theirs = np.array([schedule(step) for step in range(STEPS + 5)], float)
    found = [LR * rate.factor(step) for step in range(STEPS + 5)]
    np.testing.assert_allclose(found, theirs, rtol=0, atol=16 * LR * 2.0**-52)  # a few operations, of numbers below LR


def test_a_cosine_is_optax_s():
    assert_same(Cosine(STEPS), optax.cosine_decay_schedule(LR, STEPS))


def test_a_stair_is_optax_s():
    assert_same(Step(7, 0.6), optax.exponential_decay(LR, 7, 0.6, staircase=True))


def test_a_warm_up_and_a_cosine_are_optax_s():
    line, cosine = optax.linear_schedule(LR / 10, LR, 9), optax.cosine_decay_schedule(LR, STEPS - 10)
    assert_same(rate("warmup:10+cosine", STEPS), optax.join_schedules([line, cosine], [10]))
