"""The oracle against what is independent of it: real differences in long double, and closed forms."""

import dataclasses
import sys

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.comparator import compare
from gradsuite.model import ACTIVATIONS, CELLS, LOSSES, READOUTS, Model
from gradsuite.oracle import differentiate, evaluate, slopes, slopes_by_example
from gradsuite.oracle.forward import losses, relu, run, sigmoid
from gradsuite.parameters import initialise
from threadpoolctl import threadpool_info, threadpool_limits

MODELS = [
    Model(cell, 2, 3, 0 if readout == "none" else 2, 2, activation, readout, loss)
    for cell in CELLS
    for activation in ACTIVATIONS[cell]
    for readout in READOUTS
    for loss in LOSSES
    if cell != "mlp" or readout != "all"
]


def example(model: Model, *, steps: int = 4, size: int = 2, seed: int = 0) -> tuple[dict[str, np.ndarray], Batch]:
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((steps, size, model.input_size)[0 if model.recurrent else 1 :])
    shape = model.targets_shape(inputs.shape)
    classes = model.loss == "cross_entropy"
    targets = rng.integers(0, model.output_width, shape) if classes else rng.standard_normal(shape)
    return initialise(model, seed=seed), Batch(inputs, targets)


def label(model: Model) -> str:
    return f"{model.cell}-{model.activation}-{model.readout}-{model.loss}"


@pytest.mark.parametrize("model", MODELS, ids=label)
def test_gradients_are_long_double_differences(model):
    """No complex number and no backward pass: dL/dx from four real losses around x (fourth-order differences)."""
    parameters, batch = example(model)
    answer = differentiate(model, parameters, batch, inputs=True)
    found = {**answer.parameters, "inputs": answer.inputs, "states": answer.states, "cell_states": answer.cell_states}
    precision = np.longdouble
    nudges = np.zeros(model.states_shape(batch.inputs.shape))
    named = {**parameters, "inputs": batch.inputs, "states": nudges, "cell_states": nudges}
    named |= dict.fromkeys(("initial_states", "initial_cell_states"), np.zeros(nudges.shape[-3:]))
    variables = {name: np.asarray(a, precision) for name, a in named.items()}

    def loss(name, element, change):
        moved = variables[name].copy()
        moved.flat[element] += change
        return losses(model, run(model, {**variables, name: moved}, batch).outputs, batch).sum()

    # h^4 f''''' / 30 + eps / h: with h = 1e-4 and 64-bit mantissas both are below 1e-15 for derivatives of order 1; a
    # double for `longdouble` (some platforms) leaves eps / h = 2e-12. Ten of each for the elements of one array.
    h = precision("1e-4")
    bound = 10 * max(1e-15, float(np.finfo(precision).eps / h))
    for name in found:
        if name == "cell_states" and model.cell != "lstm":
            assert found[name] is None
            continue
        difference = [
            (8 * (loss(name, i, h) - loss(name, i, -h)) - (loss(name, i, 2 * h) - loss(name, i, -2 * h))) / (12 * h)
            for i in range(variables[name].size)
        ]
        reference = np.array(difference).reshape(variables[name].shape)
        assert np.linalg.norm((found[name] - reference).astype(float)) <= bound * max(
            1.0, np.linalg.norm(reference.astype(float))
        ), name


@pytest.mark.parametrize("model", MODELS, ids=label)
def test_double_agrees_with_long_double(model):
    parameters, batch = example(model)
    double = differentiate(model, parameters, batch, inputs=True)
    long_double = differentiate(model, parameters, batch, dtype=np.clongdouble, inputs=True)
    for name, gradient in double.parameters.items():
        # About 200 roundings in the longest chain; 50 eps is twice the largest seen.
        assert compare(gradient, long_double.parameters[name]).within(1e-14), name
    assert compare(double.inputs, long_double.inputs).within(1e-14)
    assert compare(double.states, long_double.states).within(1e-14)
    assert compare(double.loss, long_double.loss).within(1e-14)
    assert long_double.loss.dtype == np.longdouble


def test_slopes_are_gradients_along_directions():
    model = Model("gru", 2, 3, 2, 2, loss="cross_entropy")
    parameters, batch = example(model)
    directions = np.random.default_rng(1).standard_normal((5, *parameters["weight_hh_l0"].shape))
    gradient = differentiate(model, parameters, batch).parameters["weight_hh_l0"]
    assert compare(
        slopes(model, parameters, batch, "weight_hh_l0", directions), np.tensordot(directions, gradient, 2)
    ).within(1e-13)


@pytest.mark.parametrize("model", MODELS, ids=label)
def test_one_pass_gives_the_gradient_by_another_state_in_each_example(model):
    parameters, batch = example(model)
    answer, rng = differentiate(model, parameters, batch), np.random.default_rng(2)
    direction, expected = np.zeros(answer.states.shape), []
    states = list(np.ndindex(answer.states.shape[:-2]))
    for k in range(answer.states.shape[-2]):
        state = (*states[k % len(states)], k)
        direction[state] = rng.standard_normal(model.hidden_size)
        expected.append(direction[state] @ answer.states[state])
    found = slopes_by_example(model, parameters, batch, "states", direction)
    assert compare(found, np.array(expected)).within(1e-13)


def test_loss_and_outputs_alone_are_those_of_the_answer():
    model = Model("lstm", 2, 3, 2, 2, readout="all", loss="cross_entropy")
    parameters, batch = example(model)
    loss, outputs = evaluate(model, parameters, batch)
    answer = differentiate(model, parameters, batch)
    assert loss == answer.loss
    assert np.array_equal(outputs, answer.outputs)


def test_products_are_made_in_one_thread_and_blas_has_its_own_again(monkeypatch):
    used, model = [], Model("rnn", 2, 3, 2)

    def threads():
        return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

    def seen(*arguments):
        used.append(threads())
        return run(*arguments)

    if not threads():
        pytest.skip("a BLAS that threadpoolctl does not know")
    monkeypatch.setattr(sys.modules[differentiate.__module__], "run", seen)
    with threadpool_limits(2, user_api="blas"):
        assert threads() == {2}
        differentiate(model, *example(model))
        evaluate(model, *example(model))
        assert threads() == {2}
    assert len(used) > 2
    assert all(1 in one for one in used)  # NumPy's; other libraries may bring a BLAS of their own


def test_sigmoid_is_right_on_both_sides_and_does_not_overflow():
    z = np.array([-800.0, -40.0, -1.0, 0.0, 1.0, 40.0, 800.0])
    found = sigmoid(z + 1e-100j)
    expected = np.array([0.0, np.exp(-40.0) / (1 + np.exp(-40.0)), 1 / (1 + np.e), 0.5, np.e / (1 + np.e), 1.0, 1.0])
    slope = np.array([0.0, np.exp(-40.0), np.e / (1 + np.e) ** 2, 0.25, np.e / (1 + np.e) ** 2, np.exp(-40.0), 0.0])
    np.testing.assert_allclose(found.real, expected, rtol=1e-15)
    np.testing.assert_allclose(found.imag / 1e-100, slope, rtol=1e-14)
    np.testing.assert_allclose(sigmoid(z), expected, rtol=1e-15)


def test_relu_at_the_kink_has_slope_zero_and_keeps_nan():
    z = np.array([-1.0, 0.0, 1.0, np.nan]) + 1e-100j
    assert list(relu(z).imag[:3] / 1e-100) == [0.0, 0.0, 1.0]
    assert np.isnan(relu(z)[3])


def test_tanh_of_numpy_has_the_right_slope_where_it_saturates():
    z = np.array([-100.0, -20.0, -1e-8, 0.0, 5.0, 20.0, 100.0])
    slope = np.tanh(z + 1e-100j).imag / 1e-100
    np.testing.assert_allclose(slope, np.cosh(z) ** -2.0, rtol=1e-13)


def test_huge_and_tiny_gradients_keep_their_digits():
    model = Model("rnn", 2, 3, activation="tanh", readout="none", loss="inner_product")
    parameters, batch = example(model)
    plain = differentiate(model, parameters, batch)
    for scale in (1e-90, 1e-30, 1e30, 1e80):
        scaled = differentiate(model, parameters, dataclasses.replace(batch, targets=batch.targets * scale))
        assert compare(scaled.states, plain.states * scale).within(1e-14)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_truncation_of_the_whole_length_is_no_truncation(cell):
    model = Model(cell, 2, 3, 2, 2, readout="all")
    parameters, batch = example(model, steps=5)
    whole, full = differentiate(model, parameters, batch, truncation=(5, 5)), differentiate(model, parameters, batch)
    for name, gradient in full.parameters.items():
        assert compare(whole.parameters[name], gradient).within(1e-15)


@pytest.mark.parametrize(("k1", "k2"), [(1, 1), (1, 3), (2, 2), (2, 5), (3, 4)])
def test_truncation_is_a_sum_over_windows_of_their_own_sequences(k1, k2):
    """With h = a h + x and every h an output, dL/da = sum of y_t dh_t/da, each dh_t/da cut at its window's start."""
    steps, a = 7, 0.8
    model = Model("rnn", 1, 1, 1, activation="identity", readout="all", loss="inner_product")
    one, none = np.ones((1, 1)), np.zeros(1)
    parameters = {"weight_ih_l0": one, "weight_hh_l0": a * one, "bias_ih_l0": none, "bias_hh_l0": none}
    parameters |= {"readout.weight": one, "readout.bias": none}
    rng = np.random.default_rng(3)
    x, targets = rng.standard_normal(steps), rng.standard_normal(steps)
    h = np.zeros(steps + 1)
    for t in range(steps):
        h[t + 1] = a * h[t] + x[t]
    expected = 0.0
    for end in range(steps, 0, -k1):
        start = max(end - k2, 0)
        slope = 0.0
        for t in range(start, end):
            slope = h[t] + a * slope
            if t + 1 > end - k1:
                expected += targets[t] * slope / steps
    batch = Batch(x.reshape(steps, 1, 1), targets.reshape(steps, 1, 1))
    found = differentiate(model, parameters, batch, truncation=(k1, k2)).parameters["weight_hh_l0"]
    assert found.item() == pytest.approx(expected, rel=1e-14)


def test_truncation_leaves_no_gradient_before_its_horizon():
    model = Model("lstm", 2, 3, 2, 2)
    parameters, batch = example(model, steps=6)
    answer, full = differentiate(model, parameters, batch, truncation=(1, 2)), differentiate(model, parameters, batch)
    assert not answer.states[:4].any()
    assert compare(answer.states[4:], full.states[4:]).within(1e-15)
