"""Optimizers and clipping on JAX's arrays, and against optax's clip, which differs by 1e-6 / (norm + 1e-6)."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")
optax = pytest.importorskip("optax")

from gradsuite.clipping import NORM_EPSILON, clip_by_global_norm, clip_by_unit_norm, global_norm  # noqa: E402
from gradsuite.optimizers import OPTIMIZERS, optimizer  # noqa: E402

EPS = 2.0**-52
STEPS = 50


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def optax_clip(gradients, limit):
    arrays = {name: jax.numpy.asarray(g) for name, g in gradients.items()}
    clipped, _ = optax.clip_by_global_norm(limit).update(arrays, optax.EmptyState())
    return {name: np.asarray(g) for name, g in clipped.items()}


@pytest.mark.parametrize("norm", [1e-3, 0.5, 1.0, 20.0])
@pytest.mark.parametrize("limit", [1e-4, 1e-1])
def test_what_is_clipped_differs_from_optax_by_the_epsilon_of_the_norm(norm, limit):
    direction = np.random.default_rng(0).standard_normal(6)
    gradients = {"p": norm * direction / np.linalg.norm(direction)}
    ours, theirs = clip_by_global_norm(gradients, limit)["p"], optax_clip(gradients, limit)["p"]
    if norm < limit:
        np.testing.assert_array_equal(ours, theirs)
    else:
        relative = 1 - ours / theirs
        # The subtraction from one leaves rounding of a few eps in a difference of 5e-8 to 1e-3.
        np.testing.assert_allclose(relative, NORM_EPSILON / (norm + NORM_EPSILON), rtol=0, atol=16 * EPS)


def test_an_infinite_gradient_is_clipped_as_in_optax():
    gradients = {"p": np.array([np.inf, 1.0])}
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(clip_by_global_norm(gradients, 1.0)["p"], optax_clip(gradients, 1.0)["p"])


def test_the_norm_is_optax_s():
    gradients = {"w": np.arange(6.0).reshape(2, 3), "b": np.array([-7.0])}
    np.testing.assert_allclose(global_norm(gradients), np.asarray(optax.tree.norm(gradients)), rtol=8 * EPS)


@pytest.mark.parametrize("limit", [0.01, 0.5, 100.0])
@pytest.mark.parametrize("size", [0.0, 1e-4, 2.0])
def test_clipping_by_unit_is_optax_s_with_the_rows_of_torch(size, limit):
    rng = np.random.default_rng(0)
    parameters = {"w": size * rng.standard_normal((3, 4)), "b": size * rng.standard_normal(3)}
    gradients = {"w": rng.standard_normal((3, 4)) * [[1e-3], [1.0], [1e5]], "b": rng.standard_normal(3)}
    # optax's linear layers are (inputs, outputs): its units are columns.
    theirs, state = optax.adaptive_grad_clip(limit), optax.EmptyState()
    as_theirs = [{name: jax.numpy.asarray(x.T) for name, x in arrays.items()} for arrays in (gradients, parameters)]
    expected, _ = theirs.update(as_theirs[0], state, as_theirs[1])
    for name, clipped in clip_by_unit_norm(parameters, gradients, limit).items():
        np.testing.assert_allclose(clipped, np.asarray(expected[name]).T, rtol=8 * EPS)


# Our settings, and optax's for the same rule; its eps is within the root unless it is told otherwise.
RMSPROP = {
    "inside": ({"eps_in_sqrt": True}, {}),
    "outside": ({}, {"eps_in_sqrt": False}),
    "centered": ({"eps_in_sqrt": True, "centered": True}, {"centered": True}),
    "centered-outside": ({"centered": True}, {"centered": True, "eps_in_sqrt": False}),
    "momentum": ({"eps_in_sqrt": True, "momentum": 0.8}, {"momentum": 0.8}),
    "momentum-centered": (
        {"momentum": 0.8, "centered": True},
        {"momentum": 0.8, "centered": True, "eps_in_sqrt": False},
    ),
}


@pytest.mark.parametrize("kind", RMSPROP)
def test_every_step_of_rmsprop_is_optax_s(kind):
    settings, their_settings = RMSPROP[kind]
    ours, slots = optimizer("rmsprop", lr=0.05, alpha=0.9, eps=1e-4, **settings), None
    chain = optax.rmsprop(0.05, decay=0.9, eps=1e-4, **their_settings)
    rng = np.random.default_rng(0)
    parameters = {"w": rng.standard_normal((3, 4)), "b": rng.standard_normal(4)}
    theirs = {name: jax.numpy.asarray(p) for name, p in parameters.items()}
    state, move = chain.init(theirs), jax.jit(chain.update)
    for _ in range(STEPS):
        gradients = {name: rng.standard_normal(p.shape) for name, p in parameters.items()}
        parameters, slots = ours.apply(parameters, gradients, slots)
        updates, state = move({name: jax.numpy.asarray(g) for name, g in gradients.items()}, state)
        theirs = optax.apply_updates(theirs, updates)
        for name, p in parameters.items():
            # Both round by about ten eps a step; g / root is at most 1 / sqrt(1 - 0.9) = 3.2, and the root of v - m^2,
            # as small as 1e-2 with this eps, costs a centred one a factor of 100.
            np.testing.assert_allclose(p, np.asarray(theirs[name]), rtol=0, atol=1e3 * STEPS * EPS)


def test_once_the_rate_changes_rmsprop_s_velocity_is_torch_s_and_not_optax_s():
    # Optax's velocity has the rates in it: what it has gathered moves on at the rate of its day. At the second step, of
    # rate 0.5 after 1, torch moves by 0.5 (0.9 u_1 + u_2) and optax by 0.9 u_1 + 0.5 u_2, with u_k = g / root_k.
    ours, slots = optimizer("rmsprop", lr=1.0, momentum=0.9, eps_in_sqrt=True), None
    parameters, g = {"p": np.zeros(1)}, {"p": np.ones(1)}
    first, slots = ours.apply(parameters, g, slots)
    second, _ = ours.with_lr(0.5).apply(first, g, slots)
    chain = optax.rmsprop(lambda step: jax.numpy.where(step == 0, 1.0, 0.5), decay=0.99, momentum=0.9)
    state = chain.init(parameters)
    _, state = chain.update(g, state)
    theirs, _ = chain.update(g, state)
    u = [1 / np.sqrt(1 - 0.99**k + 1e-8) for k in (1, 2)]
    np.testing.assert_allclose(first["p"] - second["p"], 0.5 * (0.9 * u[0] + u[1]), rtol=16 * EPS)
    np.testing.assert_allclose(-np.asarray(theirs["p"]), 0.9 * u[0] + 0.5 * u[1], rtol=16 * EPS)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_jax_arrays_go_through_the_same_rules_compiled(name):
    rule = optimizer(name, lr=0.05, clip_norm=0.5, clip_unit=0.3, clip_value=0.2)
    arrays = {"w": np.linspace(-1.0, 1.0, 12).reshape(3, 4), "b": np.array([2.0])}
    on_device = {key: jax.numpy.asarray(array) for key, array in arrays.items()}
    compiled = jax.jit(rule.apply)
    ours, slots = rule.apply(arrays, arrays, None)
    theirs, their_slots = rule.apply(on_device, on_device, None)
    for _ in range(3):
        ours, slots = rule.apply(ours, arrays, slots)
        theirs, their_slots = compiled(theirs, on_device, their_slots)
    for key, array in ours.items():
        assert theirs[key].dtype == np.float64
        np.testing.assert_allclose(np.asarray(theirs[key]), array, rtol=1e-13)
