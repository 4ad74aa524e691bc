"""Optimizers and clipping against their closed forms."""

import numpy as np
import pytest
from gradsuite.errors import UserError
from gradsuite.optimizers import (
    OPTIMIZERS,
    SGD,
    clip_by_global_norm,
    clip_by_unit_norm,
    clip_by_value,
    global_norm,
    optimizer,
)
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

STEPS = 40
# Each of 40 steps rounds a handful of operations: 40 steps x 8 operations x 2^-53, with a factor of ten to spare.
ROUNDING = 10 * STEPS * 8 * 2.0**-53
GRADIENTS = st.dictionaries(
    st.sampled_from("abc"),
    arrays(np.float64, array_shapes(min_dims=1, max_dims=2, max_side=4), elements=st.floats(-1e3, 1e3, width=32)),
    min_size=1,
)


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


@given(GRADIENTS)
def test_the_global_norm_is_that_of_all_gradients_as_one_vector(gradients):
    flat = np.concatenate([g.ravel() for g in gradients.values()])
    np.testing.assert_allclose(global_norm(gradients), np.linalg.norm(flat), rtol=flat.size * 2.0**-52)


@given(GRADIENTS, st.floats(1e-3, 1e4))
def test_clipping_by_norm_keeps_the_direction_and_bounds_the_norm(gradients, limit):
    norm, clipped = global_norm(gradients), clip_by_global_norm(gradients, limit)
    for name, g in gradients.items():
        if norm + 1e-6 <= limit:
            np.testing.assert_array_equal(clipped[name], g)
        else:
            np.testing.assert_allclose(clipped[name], g * (limit / (norm + 1e-6)), rtol=4 * 2.0**-52)
    assert global_norm(clipped) <= limit * (1 + 64 * 2.0**-52)


@given(GRADIENTS, st.floats(1e-3, 1e4))
def test_clipping_by_value_bounds_every_element(gradients, limit):
    for name, clipped in clip_by_value(gradients, limit).items():
        g = gradients[name]
        np.testing.assert_array_equal(clipped, np.where(abs(g) > limit, np.sign(g) * limit, g))


@given(GRADIENTS, st.floats(1e-3, 1e3), st.sampled_from([0.0, 1e-4, 0.5, 40.0]))
def test_clipping_by_unit_bounds_each_row_by_its_weights_and_keeps_its_direction(gradients, limit, size):
    parameters = {name: np.full(g.shape, size) for name, g in gradients.items()}
    for name, clipped in clip_by_unit_norm(parameters, gradients, limit).items():
        rows, width = gradients[name].reshape(-1, clipped.shape[-1]), clipped.shape[-1]
        most = limit * max(size * width**0.5, 1e-3)
        for g, found in zip(rows, clipped.reshape(-1, width), strict=True):
            norm = np.linalg.norm(g)
            expected = g if norm <= most else g * (most / norm)
            np.testing.assert_allclose(found, expected, rtol=8 * 2.0**-52, atol=0)


def test_a_unit_within_its_limit_keeps_its_bits():
    gradient = {"w": np.array([[3e-200, 1e-9], [0.0, 0.0], [0.1, 0.1]])}
    clipped = clip_by_unit_norm({"w": np.ones((3, 2))}, gradient, 0.2)
    np.testing.assert_array_equal(clipped["w"], gradient["w"])


def test_an_infinite_unit_leaves_the_others_alone():
    with np.errstate(invalid="ignore"):
        clipped = clip_by_unit_norm({"w": np.ones((2, 2))}, {"w": np.array([[np.inf, 1.0], [3.0, 4.0]])}, 0.5)["w"]
    np.testing.assert_array_equal(clipped[0], [np.nan, 0.0])
    np.testing.assert_allclose(clipped[1], np.array([3.0, 4.0]) * 0.5 * 2**0.5 / 5.0, rtol=4 * 2.0**-52)


@pytest.mark.parametrize("clip", [{"clip_norm": 2.0}, {"clip_unit": 0.3}, {"clip_value": 0.4}], ids=str)
def test_a_stack_is_clipped_as_its_settings_are_one_by_one(clip):
    rng = np.random.default_rng(0)
    members = [({"w": rng.standard_normal((3, 2)), "b": rng.standard_normal(3)}, scale) for scale in (0.01, 1.0, 50.0)]
    parameters = {name: np.stack([p[name] for p, _ in members]) for name in ("w", "b")}
    gradients = {name: np.stack([scale * p[name] ** 2 for p, scale in members]) for name in ("w", "b")}
    rule = SGD(lr=1.0, **clip)
    moved, _ = rule.apply(parameters, gradients, None, stacked=True)
    for k, (p, scale) in enumerate(members):
        alone, _ = rule.apply(p, {name: scale * p[name] ** 2 for name in p}, None)
        for name in p:
            np.testing.assert_allclose(moved[name][k], alone[name], rtol=0, atol=50 * 8 * 2.0**-52)


class Bare(np.lib.mixins.NDArrayOperatorsMixin):
    """An array of operators, a shape and sums, and nothing else: there is no method `clip`."""

    def __init__(self, array):
        self.array = np.asarray(array)
        self.ndim, self.shape, self.dtype = self.array.ndim, self.array.shape, self.array.dtype

    def __array_ufunc__(self, ufunc, method, *inputs, **settings):
        return Bare(getattr(ufunc, method)(*(a.array if isinstance(a, Bare) else a for a in inputs), **settings))

    def __len__(self):
        return len(self.array)

    def reshape(self, *shape):
        return Bare(self.array.reshape(*shape))

    def sum(self, axis=None, *, keepdims=False):
        return Bare(self.array.sum(axis, keepdims=keepdims))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("special", [0.0, -0.0, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize("clip", [{"clip_norm": 2.0}, {"clip_unit": 0.3}, {"clip_value": 0.4}], ids=str)
def test_arrays_without_a_clip_of_their_own_are_clipped_to_the_same_values(clip, stacked, special, dtype):
    rng = np.random.default_rng(0)
    parameters = {name: rng.standard_normal(shape).astype(dtype) for name, shape in {"w": (3, 4), "b": (3,)}.items()}
    gradients = {name: rng.standard_normal(p.shape).astype(dtype) for name, p in parameters.items()}
    gradients["w"][1, 2] = special
    rule = optimizer("sgd", lr=0.1, **clip)
    with np.errstate(invalid="ignore"):
        expected, _ = rule.apply(parameters, gradients, None, stacked=stacked)
        bare = ({name: Bare(array) for name, array in arrays.items()} for arrays in (parameters, gradients))
        found, _ = rule.apply(*bare, None, stacked=stacked)
    for name, array in expected.items():
        assert found[name].dtype == dtype
        np.testing.assert_array_equal(found[name].array, array)


@pytest.mark.parametrize(("gradient", "clipped"), [([np.inf, 1.0], [np.nan, 0.0]), ([np.nan, 1.0], [np.nan, np.nan])])
def test_a_gradient_that_is_not_finite_stays_visible(gradient, clipped):
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(clip_by_global_norm({"p": np.array(gradient)}, 1.0)["p"], clipped)


def test_norm_is_clipped_before_unit_before_value():
    parameters, gradients = {"p": np.array([0.0, 3.0])}, {"p": np.array([6.0, 8.0])}
    # (6, 8) has norm 10: scaled to (3, 4), in the unit to at most 1.5 x 3, then limited to (2.7, 3.5).
    rule = SGD(lr=1.0, clip_norm=5.0, clip_unit=1.5, clip_value=3.5)
    np.testing.assert_allclose(rule.clip(parameters, gradients)["p"], [2.7, 3.5], rtol=1e-6)
    rule = SGD(lr=1.0, clip_norm=5.0, clip_value=3.5)
    np.testing.assert_allclose(rule.clip(parameters, gradients)["p"], [3.0, 3.5], rtol=1e-6)
