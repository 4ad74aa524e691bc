"""The regulariser of Pascanu, Mikolov & Bengio 2013 against closed forms and the complex step."""

from dataclasses import replace

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.optimizers import SGD
from gradsuite.oracle import differentiate
from gradsuite.parameters import initialise
from gradsuite.tasks.synthetic.temporal_order import TemporalOrder
from gradsuite.training.omega import BOUND, omega, penalty, states
from gradsuite.training.recipe import Recipe
from gradsuite.training.session import Session
from gradsuite_numpy.backend import NumpyBackend

EPS = 2.0**-52
STEPS, SIZE = 6, 4


def case(**settings):
    model = Model("rnn", 3, 5, 2, **settings)
    rng = np.random.default_rng(1)
    batch = Batch(rng.standard_normal((STEPS, SIZE, 3)), rng.standard_normal((SIZE, 2)))
    return model, initialise(model, seed=2), batch


def value_of(w, delta, d):
    """Return the regulariser of one layer, pair by pair, for a matrix that may be complex: squares, not moduli."""
    terms = []
    for step, now in zip(delta.reshape(-1, len(w)), d.reshape(-1, len(w)), strict=True):
        if step @ step >= BOUND:
            back = w.T @ now
            terms.append(((back * back).sum() / (step @ step) - 1) ** 2)
    return sum(terms) / len(terms)


@pytest.mark.parametrize(
    "settings", [{}, {"num_layers": 2}, {"activation": "relu"}, {"activation": "identity"}], ids=str
)
def test_value_and_gradient_are_those_of_the_complex_step_with_the_rest_held(settings):
    model, parameters, batch = case(**settings)
    deltas = differentiate(model, parameters, batch).states
    found = omega(model, parameters, batch, deltas)
    expected = 0.0
    for layer, h in enumerate(states(model, parameters, batch)):
        w, delta = parameters[f"weight_hh_l{layer}"], deltas[:, layer]
        slope = {"tanh": 1 - h**2, "relu": (h > 0) * 1.0, "identity": np.ones_like(h)}[model.activation]
        expected += value_of(w, delta, delta * slope)
        by_step = np.zeros_like(w)
        for place in np.ndindex(w.shape):
            moved = w.astype(complex)
            moved[place] += 1e-100j
            by_step[place] = value_of(moved, delta, delta * slope).imag / 1e-100
        # Sums of 24 terms of 5 products each; r - 1 is of the size of 1, so that nothing cancels.
        np.testing.assert_allclose(found.gradients[f"weight_hh_l{layer}"], by_step, rtol=0, atol=1e-13)
    assert found.value == pytest.approx(expected, rel=1e-13)


def test_of_one_linear_unit_it_is_the_square_of_w_squared_less_one():
    # h' = w h + x: delta shrinks by w at every step back. r = w^2, Omega = (w^2 - 1)^2, and its slope 4 w (w^2 - 1).
    model, w = Model("rnn", 1, 1, 1, activation="identity"), 0.6
    parameters = {name: np.full_like(value, w) for name, value in initialise(model).items()}
    batch = Batch(np.ones((STEPS, 2, 1)), np.zeros((2, 1)))
    found = omega(model, parameters, batch, differentiate(model, parameters, batch).states)
    assert found.value == pytest.approx((w * w - 1) ** 2, rel=16 * EPS)
    assert found.gradients["weight_hh_l0"][0, 0] == pytest.approx(4 * w * (w * w - 1), rel=16 * EPS)


def test_an_orthogonal_linear_network_is_not_penalised():
    model, parameters, batch = case(activation="identity")
    parameters["weight_hh_l0"] = np.linalg.qr(np.random.default_rng(3).standard_normal((5, 5)))[0]
    found = omega(model, parameters, batch, differentiate(model, parameters, batch).states)
    assert found.value == pytest.approx(0, abs=(32 * EPS) ** 2)
    np.testing.assert_allclose(found.gradients["weight_hh_l0"], 0, atol=256 * EPS)


def test_states_are_the_oracles():
    # A readout of every state by the unit matrix gives the states of the upper layer, from states to begin with.
    model = Model("rnn", 3, 4, 4, num_layers=2, readout="all")
    rng, parameters = np.random.default_rng(1), initialise(model, seed=2)
    parameters |= {"readout.weight": np.eye(4), "readout.bias": np.zeros(4)}
    batch = Batch(
        rng.standard_normal((STEPS, SIZE, 3)), np.zeros((STEPS, SIZE, 4)), state=(rng.standard_normal((2, SIZE, 4)),)
    )
    expected = differentiate(model, parameters, batch).outputs
    np.testing.assert_allclose(states(model, parameters, batch)[1], expected, rtol=0, atol=STEPS * 32 * EPS)


def test_what_is_below_the_bound_does_not_count():
    w, rng = np.eye(3) * 0.5, np.random.default_rng(0)
    delta = rng.standard_normal((4, 2, 3))
    value, gradient = penalty(w, delta, delta)  # r = 1/4 everywhere
    assert value == pytest.approx(0.75**2, rel=16 * EPS)
    faded = np.concatenate([delta, delta * 1e-11, np.zeros_like(delta)])
    np.testing.assert_allclose(penalty(w, faded, faded)[1], gradient, rtol=16 * EPS)
    assert penalty(w, faded, faded)[0] == pytest.approx(value, rel=16 * EPS)
    nothing, no_gradient = penalty(w, 0 * delta, 0 * delta)
    assert nothing == 0
    np.testing.assert_array_equal(no_gradient, 0)


def session(backend, model, weight, steps=1):
    recipe = Recipe(optimizer=SGD(lr=0.1), omega=weight, length=12, steps=steps, batch_size=5, evaluate_every=steps)
    return Session(backend, TemporalOrder(), model, initialise(model, seed=1), recipe, dtype="float64")


def test_a_step_of_a_training_adds_omega_to_the_gradient_before_the_optimizer():
    task = TemporalOrder()
    model = task.model("rnn", 4, num_layers=2)
    parameters, batch = initialise(model, seed=1), task.training_batch(0, 0, model, size=5, length=12)
    answer = differentiate(model, parameters, batch)
    added = omega(model, parameters, batch, answer.states)
    training = session(NumpyBackend(), model, 0.7)
    (look,) = training.run()
    total = {name: g + 0.7 * added.gradients.get(name, 0) for name, g in answer.parameters.items()}
    for name, p in training.parameters().items():
        np.testing.assert_allclose(p, parameters[name] - 0.1 * total[name], rtol=0, atol=1e-13)
    assert look.gradient_norm == pytest.approx(np.sqrt(sum((g**2).sum() for g in total.values())), rel=1e-12)
    assert all(abs(added.gradients[f"weight_hh_l{layer}"]).max() > 1e-3 for layer in range(2))


@pytest.mark.parametrize(
    ("changes", "which"), [({"cell": "lstm"}, "lstm"), ({"bidirectional": True}, "a bidirectional one")]
)
def test_other_models_are_refused_before_a_step_is_taken(changes, which):
    model = replace(TemporalOrder().model("rnn", 4), **changes)
    with pytest.raises(UserError, match=f"omega is for the cell rnn, forward in time, not for {which}: set omega to 0"):
        session(NumpyBackend(), model, 0.7)
