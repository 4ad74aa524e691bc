"""Clipping against its closed forms, on arrays with a method `clip` and without one."""

import numpy as np
import pytest
from gradsuite.clipping import clip_by_global_norm, clip_by_unit_norm, clip_by_value, global_norm
from gradsuite.optimizers import SGD, optimizer
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

GRADIENTS = st.dictionaries(
    st.sampled_from("abc"),
    arrays(np.float64, array_shapes(min_dims=1, max_dims=2, max_side=4), elements=st.floats(-1e3, 1e3, width=32)),
    min_size=1,
)


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
