"""Every cell's equations, as the oracle unrolls them, against a loop or a closed form written out in NumPy."""

from types import SimpleNamespace

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.cells import CLASSIC, installed
from gradsuite.comparator import compare
from gradsuite.model import Model
from gradsuite.oracle import differentiate, evaluate
from gradsuite.parameters import initialise

STEPS, BATCH, INPUTS, UNITS = 6, 4, 3, 5
# Sums of at most 20 products in float64, each right to 1.1e-16, through six steps of two layers: a hundred roundings.
ROUNDING = 1e-14
NEW = [name for name in installed() if name not in CLASSIC]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def drawn(model, seed=0):
    """Return parameters of which none is where it starts: gains are not 1, and shifts not 0."""
    rng = np.random.default_rng(seed)
    return {name: p + 0.3 * rng.standard_normal(p.shape) for name, p in initialise(model, seed=seed).items()}


def inputs(model, seed=1):
    shape = (STEPS, BATCH, model.input_size) if model.recurrent else (BATCH, model.input_size)
    return np.random.default_rng(seed).standard_normal(shape)


def outputs(model, parameters, x):
    targets = np.zeros(model.targets_shape(x.shape))
    return evaluate(model, parameters, Batch(x, targets))[1]


def layer(model, parameters, number):
    names = model.layer_parameters(number)
    return SimpleNamespace(**{name: parameters[f"{name}_l{number}"] for name in names})


def rows(z, count):
    return np.split(z, count, axis=-1)


def peephole(p, x, h, c):
    i, f, g, o = rows(x @ p.weight_ih.T + p.bias_ih + h @ p.weight_hh.T + p.bias_hh, 4)
    to_i, to_f, to_o = p.weight_ch.reshape(3, -1)
    new = sigmoid(f + to_f * c) * c + sigmoid(i + to_i * c) * np.tanh(g)
    return sigmoid(o + to_o * new) * np.tanh(new), new


def coupled(p, x, h, c):
    f, g, o = rows(x @ p.weight_ih.T + p.bias_ih + h @ p.weight_hh.T + p.bias_hh, 3)
    new = sigmoid(f) * c + sigmoid(-f) * np.tanh(g)  # 1 - sigmoid(f) = sigmoid(-f)
    return sigmoid(o) * np.tanh(new), new


@pytest.mark.parametrize("step", [peephole, coupled], ids=lambda step: step.__name__)
def test_gated_cells_are_their_steps(step):
    model = Model(step.__name__, INPUTS, UNITS, num_layers=2, readout="none")
    parameters, x = drawn(model), inputs(model)
    sequence = list(x)
    for number in range(2):
        h = c = np.zeros((BATCH, UNITS))
        top = []
        for now in sequence:
            h, c = step(layer(model, parameters, number), now, h, c)
            top.append(h)
        sequence = top
    assert compare(outputs(model, parameters, x), sequence[-1]).within(ROUNDING)


def convex(keep, write, candidate):
    """Return sum_t write_t candidate_t prod_(s > t) keep_s: the closed form of h' = keep h + write candidate."""
    later = np.cumprod(np.concatenate([np.ones_like(keep[:1]), keep[:0:-1]]), axis=0)[::-1]
    return (write * candidate * later).sum(axis=0)


def minimal_gates(cell, gates):
    model = Model(cell, INPUTS, UNITS, readout="none")
    parameters, x = drawn(model), inputs(model)
    z = rows(x @ parameters["weight_ih_l0"].T + parameters["bias_ih_l0"], gates)
    return outputs(model, parameters, x), z


def test_mingru_is_a_convex_combination_of_its_candidates():
    found, (z, n) = minimal_gates("mingru", 2)
    assert compare(found, convex(sigmoid(-z), sigmoid(z), n)).within(ROUNDING)


def test_minlstm_is_a_convex_combination_of_its_candidates():
    found, (f, i, n) = minimal_gates("minlstm", 3)
    keep = sigmoid(f) / (sigmoid(f) + sigmoid(i))
    assert compare(found, convex(keep, 1 - keep, n)).within(ROUNDING)


@pytest.mark.parametrize("cell", ["mingru", "minlstm"])
def test_a_candidate_that_does_not_change_is_approached_and_never_passed(cell):
    model = Model(cell, INPUTS, UNITS, readout="all", output_size=UNITS)
    parameters = drawn(model)
    parameters["weight_ih_l0"][-UNITS:] = 0.0  # the candidate's rows: it is its bias, whatever the input
    parameters |= {"readout.weight": np.eye(UNITS), "readout.bias": np.zeros(UNITS)}
    states = outputs(model, parameters, inputs(model)) / parameters["bias_ih_l0"][-UNITS:]
    assert (states > 0).all()
    assert (np.diff(states, axis=0) > 0).all()
    assert (states < 1).all()


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", "identity"])
@pytest.mark.parametrize("width", [INPUTS, UNITS])
def test_a_residual_layer_adds_what_it_reads(activation, width):
    """The first layer too, if it is as wide as its inputs."""
    phi = {"tanh": np.tanh, "relu": lambda z: np.maximum(z, 0), "sigmoid": sigmoid, "identity": np.copy}[activation]
    model = Model("residual", width, UNITS, num_layers=3, activation=activation, readout="none")
    parameters, x = drawn(model), inputs(model)
    h = x
    for number in range(3):
        step = phi(h @ parameters[f"layers.{number}.weight"].T + parameters[f"layers.{number}.bias"])
        h = h + step if h.shape == step.shape else step
    assert compare(outputs(model, parameters, x), h).within(ROUNDING)


@pytest.mark.parametrize("cell", NEW)
def test_the_loss_depends_on_every_parameter_and_state(cell):
    model = Model(cell, INPUTS, UNITS, 2, num_layers=2)
    parameters, x = drawn(model), inputs(model)
    answer = differentiate(model, parameters, Batch(x, np.ones(model.targets_shape(x.shape))))
    assert answer.parameters.keys() == parameters.keys()
    assert all(gradient.any() for gradient in answer.parameters.values())
    assert answer.states.any(axis=(-1, -2)).all()  # of every time step and layer
    assert (answer.cell_states is not None) == (len(installed()[cell].states) == 2)
    if answer.cell_states is not None:
        assert answer.cell_states.any(axis=(-1, -2)).all()
