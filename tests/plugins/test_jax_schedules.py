"""The jax backend's truncation against its definition, and its checkpoints against plain BPTT."""

from itertools import product

import numpy as np
import pytest
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.parameters import initialise

torch = pytest.importorskip("torch")
pytest.importorskip("jax")

from gradsuite_jax.backend import JaxBackend  # noqa: E402

from tests.plugins.test_jax import random_batch, relative_error  # noqa: E402

STEPS = 7
RECURRENT = ("rnn", "lstm", "gru")


def gradients(model, parameters, batch, dtype="float64", **options):
    network = JaxBackend().build(model, parameters, dtype=dtype, **options)
    tape = network.forward(network.put(batch), states=True)
    return network.fetch(tape.loss), network.fetch_gradients(network.backward(tape))


def assert_same(found, expected, tolerance):
    assert found.parameters.keys() == expected.parameters.keys()
    for name, gradient in found.parameters.items():
        assert relative_error(gradient, expected.parameters[name]) <= tolerance, name
    assert relative_error(found.states, expected.states) <= tolerance
    if expected.cell_states is not None:
        assert relative_error(found.cell_states, expected.cell_states) <= tolerance


@pytest.mark.parametrize(("cell", "readout", "n"), [*product(RECURRENT, ("last", "all"), (3,)), ("lstm", "none", 7),
                                                    ("gru", "all", 1), ("rnn", "last", 20)])  # fmt: skip
def test_checkpoints_change_nothing(cell, readout, n):
    model = Model(cell, 2, 3, 0 if readout == "none" else 2, 2, "tanh", readout)
    parameters, batch = initialise(model, seed=1), random_batch(model, STEPS, 3)
    loss, plain = gradients(model, parameters, batch)
    loss_again, found = gradients(model, parameters, batch, checkpoint=n)
    assert relative_error(loss_again, loss) <= 1e-14
    assert_same(found, plain, 1e-12)


def advance(model, leaves, h, states):
    """Return the states of all layers, (h,) or (h, c), one step after `states`, for the input h."""
    cell = {"rnn": torch.rnn_tanh_cell, "lstm": torch.lstm_cell, "gru": torch.gru_cell}[model.cell]
    new = []
    for layer, state in enumerate(states):
        weights = [leaves[f"{kind}_l{layer}"] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        new.append(cell(h, state, *weights) if model.cell == "lstm" else (cell(h, *state, *weights),))
        h = new[-1][0]
    return new


def window_gradients(model, leaves, batch, begin, losses, end):
    """Return the gradients of the losses of steps [losses, end) by the leaves and by the h of steps [begin, end)."""
    x, targets = torch.tensor(batch.inputs), torch.tensor(batch.targets)
    zeros = torch.zeros(x.shape[1], model.hidden_size, dtype=x.dtype)
    states = [(zeros, zeros) if model.cell == "lstm" else (zeros,)] * model.num_layers
    nodes, loss = [], torch.zeros((), dtype=x.dtype)
    for t in range(end):
        if t == begin:
            states = [tuple(part.detach() for part in state) for state in states]
        states = advance(model, leaves, x[t], states)
        nodes += [state[0] for state in states] if t >= begin else []
        if t >= losses:
            y = torch.nn.functional.linear(states[-1][0], leaves["readout.weight"], leaves["readout.bias"])
            loss = loss + ((y - (targets[t] if model.readout == "all" else targets)) ** 2).sum() / targets.numel()
    found = torch.autograd.grad(loss, [*leaves.values(), *nodes], allow_unused=True, materialize_grads=True)
    by_leaf = {name: gradient.numpy() for name, gradient in zip(leaves, found, strict=False)}
    return by_leaf, torch.stack(found[len(leaves) :]).reshape(end - begin, model.num_layers, *zeros.shape).numpy()


def by_definition(model, parameters, batch, k1, k2):
    """Return the truncated gradients: a graph of its own for each window, which begins at a detached state."""
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in parameters.items()}
    total = {name: np.zeros_like(value) for name, value in parameters.items()}
    states = np.zeros(model.states_shape(batch.inputs.shape))
    for end in range(STEPS, 0, -k1) if model.readout == "all" else [STEPS]:
        begin = max(end - k2, 0)
        losses = max(end - k1, 0) if model.readout == "all" else end - 1
        by_leaf, by_state = window_gradients(model, leaves, batch, begin, losses, end)
        total = {name: value + by_leaf[name] for name, value in total.items()}
        states[begin:end] += by_state
    return total, states


HORIZONS = [*product(RECURRENT, ("last", "all"), [(2, 3)]), ("lstm", "all", (3, 3)), ("gru", "all", (1, 5)),
            ("rnn", "all", (4, 20)), ("lstm", "last", (1, 1))]  # fmt: skip


@pytest.mark.parametrize(("cell", "readout", "horizon"), HORIZONS)
def test_truncation_is_its_definition(cell, readout, horizon):
    model = Model(cell, 2, 3, 2, 2, "tanh", readout)
    parameters, batch = initialise(model, seed=1), random_batch(model, STEPS, 3)
    found = gradients(model, parameters, batch, truncation=horizon)[1]
    expected, states = by_definition(model, parameters, batch, *horizon)
    for name, gradient in found.parameters.items():
        assert relative_error(gradient, expected[name]) <= 1e-11, name
    assert relative_error(found.states, states) <= 1e-11
    if readout == "last":
        assert not found.states[: STEPS - horizon[1]].any()


@pytest.mark.parametrize("readout", ["last", "all"])
def test_a_horizon_beyond_the_sequence_is_plain_bptt(readout):
    model = Model("lstm", 2, 3, 2, 2, "tanh", readout)
    parameters, batch = initialise(model, seed=1), random_batch(model, STEPS, 3)
    found = gradients(model, parameters, batch, truncation=(STEPS, STEPS))[1]
    assert_same(found, gradients(model, parameters, batch)[1], 1e-12)


def test_what_is_not_a_number_after_a_window_stays_out_of_it():
    model = Model("lstm", 2, 3, 2, 1, "tanh", "all")
    parameters, batch = initialise(model, seed=1), random_batch(model, STEPS, 3)
    expected = gradients(model, parameters, batch, truncation=(3, 5))[1].states
    batch.inputs[4:] = np.nan
    found = gradients(model, parameters, batch, truncation=(3, 5))[1].states
    # The windows are [0, 1), [0, 4) and [2, 7): steps 0 and 1 see nothing of step 4.
    assert relative_error(found[:2], expected[:2]) <= 1e-14
    assert np.isnan(found[2:]).all()


@pytest.mark.parametrize(("options", "message"), [
    ({"truncation": (3, 2)}, "1 <= k1 <= k2"), ({"truncation": (0, 2)}, "1 <= k1 <= k2"),
    ({"checkpoint": 0}, "at least 1 step"),
    ({"checkpoint": 2, "truncation": (1, 2)}, "one of checkpoint and truncation"),
])  # fmt: skip
def test_a_schedule_that_makes_no_sense_is_refused(options, message):
    model = Model("rnn", 1, 1, 1)
    with pytest.raises(UserError, match=message):
        JaxBackend().build(model, initialise(model), **options)


def test_an_mlp_has_no_time_to_schedule():
    model = Model("mlp", 1, 1, 1)
    with pytest.raises(UserError, match="recurrent cells"):
        JaxBackend().build(model, initialise(model), truncation=(1, 2))
