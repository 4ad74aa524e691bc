"""Optimizers against their closed forms."""

import numpy as np
import pytest
from gradsuite.errors import UserError
from gradsuite.optimizers import OPTIMIZERS, optimizer

STEPS = 40
# Each of 40 steps rounds a handful of operations: 40 steps x 8 operations x 2^-53, with a factor of ten to spare.
ROUNDING = 10 * STEPS * 8 * 2.0**-53


def descend(rule, start: np.ndarray, gradient) -> np.ndarray:
    """Return the parameter after each step, `gradient` being a function of the parameter."""
    parameters, slots, path = {"p": start}, None, []
    for _ in range(STEPS):
        parameters, slots = rule.apply(parameters, {"p": gradient(parameters["p"])}, slots)
        path.append(parameters["p"])
    return np.array(path)


def test_sgd_on_a_parabola_is_a_geometric_sequence():
    curvature, start = np.array([0.5, 3.0]), np.array([1.0, -2.0])
    path = descend(optimizer("sgd", lr=0.1, weight_decay=0.2), start, lambda p: curvature * p)
    steps = np.arange(1, STEPS + 1)[:, None]
    np.testing.assert_allclose(path, (1 - 0.1 * (curvature + 0.2)) ** steps * start, rtol=ROUNDING)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_on_a_parabola_is_the_power_of_a_matrix(nesterov):
    # (p, m) -> (p - lr m', m') with m' = mu m + a p; Nesterov moves by a p + mu m' instead of m'.
    a, lr, mu = 0.7, 0.2, 0.9
    ahead = np.array([[1 - lr * (a + mu * a), -lr * mu * mu], [a, mu]])
    matrix = ahead if nesterov else np.array([[1 - lr * a, -lr * mu], [a, mu]])
    path = descend(optimizer("momentum", lr=lr, momentum=mu, nesterov=nesterov), np.array([2.0]), lambda p: a * p)
    expected = [(np.linalg.matrix_power(matrix, step) @ [2.0, 0.0])[0] for step in range(1, STEPS + 1)]
    np.testing.assert_allclose(path[:, 0], expected, rtol=0, atol=2.0 * ROUNDING)


@pytest.mark.parametrize("gradient", [3.0, -1e-3, 1e-9])
def test_adam_moves_by_the_learning_rate_under_a_constant_gradient(gradient):
    path = descend(optimizer("adam", lr=0.01), np.zeros(1), lambda p: np.full(1, gradient))
    steps = np.arange(1, STEPS + 1)[:, None]
    # The moments are unbiased: m_hat = g and v_hat = g^2 at every step, up to cancellation in 1 - 0.999^t (1e3 eps).
    expected = -0.01 * steps * gradient / (abs(gradient) + 1e-8)
    np.testing.assert_allclose(path, expected, rtol=1e3 * ROUNDING)


def test_adamw_without_gradient_only_decays():
    path = descend(optimizer("adamw", lr=0.1, weight_decay=0.3), np.array([5.0]), np.zeros_like)
    np.testing.assert_allclose(path[:, 0], 5.0 * 0.97 ** np.arange(1, STEPS + 1), rtol=ROUNDING)


def test_adam_adds_its_decay_to_the_gradient():
    # Without gradient g = weight_decay p > 0: the first step is lr whatever the decay.
    path = descend(optimizer("adam", lr=0.1, weight_decay=0.3, eps=0.0), np.array([5.0]), np.zeros_like)
    assert path[0, 0] == pytest.approx(4.9, rel=1e3 * ROUNDING)


@pytest.mark.parametrize("momentum", [0.0, 0.6])
def test_rmsprop_under_a_constant_gradient_moves_by_geometric_sums(momentum):
    # v_k = g^2 (1 - alpha^k), so that g / v_k^0.5 is 1 / (1 - alpha^k)^0.5 whatever g: momentum gathers these.
    alpha, lr = 0.9, 0.01
    rule = optimizer("rmsprop", lr=lr, alpha=alpha, eps=0.0, momentum=momentum)
    path = descend(rule, np.zeros(1), lambda p: np.full(1, -3.0))
    moves = 1 / np.sqrt(1 - alpha ** np.arange(1, STEPS + 1))
    velocity = [sum(momentum ** (k - j) * moves[j] for j in range(k + 1)) for k in range(STEPS)]
    np.testing.assert_allclose(path[:, 0], lr * np.cumsum(velocity), rtol=ROUNDING)


def test_a_centred_rmsprop_divides_by_the_deviation():
    # From zero averages, one gradient g leaves v - m^2 = (1 - alpha) g^2 - (1 - alpha)^2 g^2 = alpha (1 - alpha) g^2.
    rule = optimizer("rmsprop", lr=0.1, alpha=0.75, eps=0.0, centered=True)
    path = descend(rule, np.zeros(1), lambda p: np.full(1, 4.0) if p == 0 else np.full(1, -1.0))
    assert path[0, 0] == pytest.approx(-0.1 / np.sqrt(0.75 * 0.25), rel=ROUNDING)


def test_nesterov_by_name_is_momentum_that_looks_ahead():
    assert optimizer("nesterov", lr=0.1) == optimizer("momentum", lr=0.1, nesterov=True)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_with_lr_is_the_same_optimizer_at_another_rate(name):
    rule = optimizer(name, lr=0.1, weight_decay=0.2, clip_norm=3.0)
    assert rule.with_lr(0.3) == optimizer(name, lr=0.3, weight_decay=0.2, clip_norm=3.0)
    assert rule.lr == 0.1
    assert rule.with_lr(0.0).lr == 0.0
    arrays = {"p": np.ones(2)}
    held = rule.with_lr(np.array(0.3)).apply(arrays, arrays, None)[0]
    np.testing.assert_array_equal(held["p"], rule.with_lr(0.3).apply(arrays, arrays, None)[0]["p"])


@pytest.mark.parametrize("lr", [-0.1, float("nan")])
def test_a_rate_below_zero_is_refused(lr):
    with pytest.raises(UserError, match=f"lr must not be negative, not {lr}"):
        optimizer("sgd", lr=0.1).with_lr(lr)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_nothing_changes_in_place_and_slots_are_all_the_memory(name):
    rule = optimizer(name, lr=0.1, clip_norm=1.0, clip_value=0.5)
    start, gradient = {"p": np.array([1.0, 2.0])}, {"p": np.array([3.0, -4.0])}
    first, slots = rule.apply(start, gradient, None)
    copies = [[array.copy() for array in arrays] for arrays in (first.values(), slots[1]["p"])]
    second, _ = rule.apply(first, gradient, slots)
    again, _ = rule.apply(first, gradient, slots)
    np.testing.assert_array_equal(second["p"], again["p"])
    np.testing.assert_array_equal(start["p"], [1.0, 2.0])
    np.testing.assert_array_equal(gradient["p"], [3.0, -4.0])
    for before, after in zip(copies, (first.values(), slots[1]["p"]), strict=True):
        np.testing.assert_array_equal(before, list(after))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_is_hashable_data(name):
    assert hash(optimizer(name, lr=0.1)) == hash(optimizer(name, lr=0.1))
    assert optimizer(name, lr=0.1) != optimizer(name, lr=0.2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_dtype_stays(name, dtype):
    arrays = {"p": np.ones(3, dtype)}
    moved, (_, slots) = optimizer(name, lr=0.1, weight_decay=0.1, clip_norm=1.0).apply(arrays, arrays, None)
    assert {array.dtype for array in [moved["p"], *slots["p"]]} == {np.dtype(dtype)}


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("adma", {"lr": 1.0}, "unknown optimizer 'adma'; did you mean 'adam'?"),
        ("sgd", {"lr": 0.0}, "lr must be positive, not 0.0"),
        ("sgd", {"lr": float("nan")}, "lr must be positive, not nan"),
        ("adam", {"lr": 1.0, "clip_norm": -1.0}, "clip_norm must be positive, not -1.0"),
        ("adam", {"lr": 1.0, "clip_unit": 0.0}, "clip_unit must be positive, not 0.0"),
        ("adam", {"lr": 1.0, "clip_value": 0.0}, "clip_value must be positive, not 0.0"),
        ("adamw", {"lr": 1.0, "weight_decay": -0.1}, "weight_decay must not be negative, not -0.1"),
    ],
)
def test_a_setting_out_of_range_is_said_in_one_line(name, settings, message):
    with pytest.raises(UserError, match=message):
        optimizer(name, **settings)
