"""Exact laws: networks whose gradients are known in closed form, independently of any implementation."""

from collections.abc import Iterator

import numpy as np
from scipy.special import expit

from gradsuite.backend import Batch
from gradsuite.conformance.case import named
from gradsuite.conformance.check import check
from gradsuite.conformance.finding import Finding, close
from gradsuite.conformance.subject import Subject
from gradsuite.model import GATES, Model, parameter_shapes
from gradsuite.parameters import Parameters, orthogonal
from gradsuite.precision import PRECISE, bound, rounded

HIDDEN = 5
# Steps of linear and of gated networks; the laws of one cell share shapes, so that backends compile them once.
STEPS, GATED_STEPS = 16, 50


def bare(cell: str, activation: str = "tanh", *, inputs: int = 1, hidden: int = HIDDEN, layers: int = 1) -> Model:
    """Return a model without readout whose loss is <target, h_T>: backward is a vector-Jacobian product."""
    return Model(cell, inputs, hidden, 0, layers, activation, "none", "inner_product")


def zeros(model: Model) -> Parameters:
    """Return parameters that are all zero."""
    return {name: np.zeros(shape) for name, shape in parameter_shapes(model).items()}


def unit_vectors(steps: int, hidden: int = HIDDEN) -> Batch:
    """Return zero inputs with the unit vectors as targets, so that gradients are rows of Jacobians over B."""
    return Batch(np.zeros((steps, hidden, 1)), np.eye(hidden))


@check(
    "orthogonal",
    "An orthogonal linear RNN carries gradients over 1000 steps with their norm unchanged.",
    dtypes=PRECISE,
)
def orthogonal_isometry(subject: Subject) -> Iterator[Finding]:
    """|dL/dh_t| = |dL/dh_T| for every t (Saxe et al. 2013)."""
    steps, hidden, size = 1000, 64, 2
    model = bare("rnn", "identity", hidden=hidden)
    if not subject.claims(model, "states"):
        return
    rng = np.random.default_rng(0)
    parameters = zeros(model) | {"weight_hh_l0": rounded(orthogonal(rng, (hidden, hidden), 1.0), subject.dtype)}
    targets = rng.standard_normal((size, hidden))
    states = states_of(subject, model, parameters, Batch(np.zeros((steps, size, 1)), targets), "states")
    ratios = size * np.linalg.norm(states[:, 0], axis=-1) / np.linalg.norm(targets, axis=-1)
    # Each step is a sum of 64 products, and the rounded matrix is orthogonal to one rounding per element.
    yield Finding("norm ratio", float(np.abs(ratios - 1).max()), bound(subject.dtype, 2 * steps * hidden))


@check("linear-powers", "State gradients of a linear RNN are rows of powers of its matrix.", dtypes=PRECISE)
def linear_powers(subject: Subject) -> Iterator[Finding]:
    """dh_T/dh_t = W^(T-t)."""
    model = bare("rnn", "identity")
    if not subject.claims(model, "states"):
        return
    weight = rounded(np.random.default_rng(0).standard_normal((HIDDEN, HIDDEN)) / np.sqrt(HIDDEN), subject.dtype)
    states = states_of(subject, model, zeros(model) | {"weight_hh_l0": weight}, unit_vectors(STEPS), "states")
    for t in range(STEPS):
        expected = np.linalg.matrix_power(weight, STEPS - 1 - t) / HIDDEN
        yield close(f"dh_T/dh_{t + 1}", states[t, 0], expected, bound(subject.dtype, 2 * STEPS * HIDDEN))


@check(
    "lstm-without-recurrence",
    "With W_hh = 0 an LSTM's memory carries gradients by its forget gates.",
    dtypes=PRECISE,
    once=True,
)
def lstm_without_recurrence(subject: Subject) -> Iterator[Finding]:
    """dh_T/dc_t = o_T (1 - tanh^2 c_T) f_T ... f_(t+1), and dh_T/dh_t = 0 before T."""
    model = bare("lstm")
    if not subject.claims(model, "states", "cell_states"):
        return
    parameters, batch, gates = driven(subject, model)
    steps, size, _ = batch.inputs.shape
    i, f, o = (expit(gates[k]) for k in (0, 1, 3))
    c = np.zeros((size, HIDDEN))
    for t in range(steps):
        c = f[t] * c + i[t] * np.tanh(gates[2, t])
    by_cell, by_state = np.zeros((2, steps, 1, size, HIDDEN))
    by_state[-1, 0] = batch.targets / size
    by_cell[-1, 0] = batch.targets / size * o[-1] * (1 - np.tanh(c) ** 2)
    for t in reversed(range(steps - 1)):
        by_cell[t] = by_cell[t + 1] * f[t + 1]
    yield from _states_close(subject, model, parameters, batch, by_state, by_cell)


@check(
    "gru-without-recurrence", "With W_hh = 0 a GRU carries gradients by its update gates.", dtypes=PRECISE, once=True
)
def gru_without_recurrence(subject: Subject) -> Iterator[Finding]:
    """dh_T/dh_t = z_T ... z_(t+1)."""
    model = bare("gru")
    if not subject.claims(model, "states"):
        return
    parameters, batch, gates = driven(subject, model)
    steps, size, _ = batch.inputs.shape
    expected = np.empty((steps, 1, size, HIDDEN))
    expected[-1, 0] = batch.targets / size
    for t in reversed(range(steps - 1)):
        expected[t] = expected[t + 1] * expit(gates[1, t + 1])
    yield from _states_close(subject, model, parameters, batch, expected)


@check("lstm-fixed-point", "An LSTM at rest has the Jacobian eigenvalues f + i o eig(W_g).", dtypes=PRECISE, once=True)
def lstm_fixed_point(subject: Subject) -> Iterator[Finding]:
    """At x = h = c = 0 there is a fixed point without a candidate bias: dh_T/dc_(T-1) = o J with J = f I + i o W_g."""
    model = bare("lstm")
    if not subject.claims(model, "cell_states"):
        return
    parameters, biases, candidate = resting(subject, model, candidate=2)
    i, f, _, o = expit(biases)
    states = states_of(subject, model, parameters, unit_vectors(GATED_STEPS), "cell_states")
    jacobian = states[-2, 0] * HIDDEN / o
    yield _eigenvalues_close(subject, jacobian, f + i * o * np.linalg.eigvalsh(candidate))


@check(
    "gru-fixed-point", "A GRU at rest has the Jacobian eigenvalues z + (1 - z) r eig(W_n).", dtypes=PRECISE, once=True
)
def gru_fixed_point(subject: Subject) -> Iterator[Finding]:
    """At x = h = 0 there is a fixed point without candidate biases: dh_T/dh_(T-1) = z I + (1 - z) r W_n."""
    model = bare("gru")
    if not subject.claims(model, "states"):
        return
    parameters, biases, candidate = resting(subject, model, candidate=2)
    r, z, _ = expit(biases)
    jacobian = states_of(subject, model, parameters, unit_vectors(GATED_STEPS), "states")[-2, 0] * HIDDEN
    yield _eigenvalues_close(subject, jacobian, z + (1 - z) * r * np.linalg.eigvalsh(candidate))


@check(
    "relu", "A ReLU network passes gradients through active units and nothing at the kink.", dtypes=PRECISE, once=True
)
def relu(subject: Subject) -> Iterator[Finding]:
    """dL/dh_l = (dL/dh_(l+1) where h_(l+1) > 0) W_(l+1); with h = 0 everywhere no gradient but the last state's."""
    layers, size = 4, 3
    model = bare("mlp", "relu", inputs=HIDDEN, layers=layers)
    if not subject.claims(model, "states"):
        return
    rng = np.random.default_rng(0)
    parameters = {n: rounded(rng.standard_normal(s) / 2, subject.dtype) for n, s in parameter_shapes(model).items()}
    batch = Batch(*rounded(rng.standard_normal((2, size, HIDDEN)), subject.dtype))
    h, active = batch.inputs, []
    for layer in range(layers):
        h = np.maximum(h @ parameters[f"layers.{layer}.weight"].T + parameters[f"layers.{layer}.bias"], 0)
        active.append(h > 0)
    expected = np.empty((layers, size, HIDDEN))
    expected[-1] = batch.targets / size
    for layer in reversed(range(1, layers)):
        expected[layer - 1] = np.where(active[layer], expected[layer], 0) @ parameters[f"layers.{layer}.weight"]
    yield from _states_close(subject, model, parameters, batch, expected)

    at_kink = subject.solve(subject.build(model, zeros(model)), Batch(np.zeros((size, HIDDEN)), batch.targets))
    for name in [*parameters, *(f"states[layer {layer}]" for layer in range(layers - 1))]:
        yield close(f"{name} at the kink", at_kink[name], np.zeros_like(at_kink[name]), 0.0, array=name)


def states_of(subject: Subject, model: Model, parameters: Parameters, batch: Batch, which: str) -> np.ndarray:
    """Return one array of state gradients, in float64."""
    network = subject.build(model, parameters)
    gradients = network.backward(subject.forward(network, network.put(batch)))
    return np.asarray(network.fetch(getattr(gradients, which)), np.float64)


def driven(subject: Subject, model: Model) -> tuple[Parameters, Batch, np.ndarray]:
    """Return parameters without recurrence, a batch, and the gates before their activation (G, T, B, H).

    Weights are small: a sigmoid computed from a tanh keeps fewer digits of values near zero, as is allowed.
    """
    rng = np.random.default_rng(0)
    parameters = {n: rounded(rng.standard_normal(s) / 4, subject.dtype) for n, s in parameter_shapes(model).items()}
    parameters["weight_hh_l0"][:] = 0
    inputs, targets = rng.standard_normal((GATED_STEPS, HIDDEN, 1)), rng.standard_normal((HIDDEN, HIDDEN))
    batch = Batch(rounded(inputs, subject.dtype), rounded(targets, subject.dtype))
    gates = batch.inputs @ parameters["weight_ih_l0"].T + parameters["bias_ih_l0"] + parameters["bias_hh_l0"]
    return parameters, batch, np.stack(np.split(gates, GATES[model.cell], axis=-1))


def resting(subject: Subject, model: Model, candidate: int) -> tuple[Parameters, np.ndarray, np.ndarray]:
    """Return parameters with a fixed point at 0, each gate's bias, and the candidate's symmetric recurrent matrix."""
    rng = np.random.default_rng(0)
    gates = GATES[model.cell]
    biases = rounded(rng.standard_normal(gates), subject.dtype)
    biases[candidate] = 0
    weight = rounded(rng.standard_normal((gates, HIDDEN, HIDDEN)), subject.dtype)
    # Symmetric, so that eigenvalues are as well conditioned as the matrix.
    weight[candidate] = np.tril(weight[candidate]) + np.tril(weight[candidate], -1).T
    parameters = zeros(model)
    parameters["weight_hh_l0"] = weight.reshape(gates * HIDDEN, HIDDEN)
    parameters["bias_ih_l0"] = np.repeat(biases, HIDDEN)
    return parameters, biases, weight[candidate]


def _eigenvalues_close(subject: Subject, jacobian: np.ndarray, expected: np.ndarray) -> Finding:
    eigenvalues = np.sort(np.linalg.eigvals(jacobian).real) if np.isfinite(jacobian).all() else np.full(HIDDEN, np.nan)
    return close("eigenvalues", eigenvalues, np.sort(expected), bound(subject.dtype, 20 * HIDDEN))


def _states_close(
    subject: Subject,
    model: Model,
    parameters: Parameters,
    batch: Batch,
    states: np.ndarray,
    cell_states: np.ndarray | None = None,
) -> Iterator[Finding]:
    """Yield a finding per state gradient; zeros must be exact."""
    arrays = subject.solve(subject.build(model, parameters), batch)
    expected = named(np.zeros(()), np.zeros(()), {}, states, cell_states)
    for name, reference in expected.items():
        if "[" in name:
            yield close(name, arrays[name], reference, bound(subject.dtype, 20 * len(states)), array=name)


CHECKS = (
    orthogonal_isometry,
    linear_powers,
    lstm_without_recurrence,
    gru_without_recurrence,
    lstm_fixed_point,
    gru_fixed_point,
    relu,
)
