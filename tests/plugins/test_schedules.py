"""Truncated BPTT against the oracle and against its definition, and checkpointed BPTT against the plain pass."""

from itertools import product

import numpy as np
import pytest
from gradsuite.errors import UserError
from gradsuite.model import READOUTS, Model
from gradsuite.parameters import initialise
from gradsuite.schedule import Schedule
from gradsuite_numpy.backend import NumpyBackend
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plugins.passes import RECURRENT, TOLERANCE, assert_same, oracle, problems, random_batch, run

STEPS = 7
EVERY_KIND = list(product(RECURRENT, (1, 2), READOUTS))
# The same sums of a few dozen float64 products in another order.
CLOSE = 1e-12


def small(cell, layers, readout, loss="inner_product"):
    model = Model(cell, 2, 3, 0 if readout == "none" else 2, layers, readout=readout, loss=loss)
    return model, initialise(model, seed=1), random_batch(model, STEPS, 3)


@pytest.mark.parametrize(("cell", "layers", "readout"), EVERY_KIND)
@pytest.mark.parametrize("truncation", [(1, 1), (2, 3), (3, 3), (2, 10), (7, 7)], ids=str)
def test_truncated_gradients_are_the_oracles(eager, cell, layers, readout, truncation):
    problem = small(cell, layers, readout)
    assert_same(run(eager, *problem, schedule=Schedule(truncation=truncation)), oracle(*problem, truncation), CLOSE)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(problems(cells=RECURRENT), st.integers(1, 4), st.integers(0, 4))
def test_truncated_gradients_of_any_problem_are_the_oracles(problem, k1, more):
    backend, truncation = NumpyBackend(), (k1, k1 + more)
    assert_same(run(backend, *problem, schedule=Schedule(truncation=truncation)), oracle(*problem, truncation), CLOSE)


HORIZONS = [*product(RECURRENT, ("last", "all"), [(2, 3)]), ("lstm", "all", (3, 3)), ("gru", "all", (1, 5)),
            ("rnn", "all", (4, 20)), ("lstm", "last", (1, 1))]  # fmt: skip


@pytest.mark.parametrize(("cell", "readout", "horizon"), HORIZONS)
def test_truncation_is_its_definition(backend, cell, readout, horizon):
    torch = pytest.importorskip("torch")
    model, parameters, batch = small(cell, 2, readout, "mse")
    arrays = run(backend, model, parameters, batch, schedule=Schedule(truncation=horizon))
    gradients = by_definition(torch, model, parameters, batch, *horizon)
    assert_same({name: arrays[name] for name in gradients}, gradients, TOLERANCE)
    if readout == "last":
        assert not arrays["states"][: STEPS - horizon[1]].any()


def by_definition(torch, model, parameters, batch, k1, k2):
    """Return the truncated gradients: a graph of its own for each window, which begins at a detached state."""
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in parameters.items()}
    total = {name: np.zeros_like(value) for name, value in parameters.items()}
    states = np.zeros(model.states_shape(batch.inputs.shape))
    for end in range(STEPS, 0, -k1) if model.readout == "all" else [STEPS]:
        begin = max(end - k2, 0)
        losses = max(end - k1, 0) if model.readout == "all" else end - 1
        by_leaf, by_state = window_gradients(torch, model, leaves, batch, begin, losses, end)
        total = {name: value + by_leaf[name] for name, value in total.items()}
        states[begin:end] += by_state
    return total | {"states": states}


def window_gradients(torch, model, leaves, batch, begin, losses, end):
    """Return the gradients of the losses of steps [losses, end) by the leaves and by the h of steps [begin, end)."""
    x, targets = torch.tensor(batch.inputs), torch.tensor(batch.targets)
    zeros = torch.zeros(x.shape[1], model.hidden_size, dtype=x.dtype)
    states = [(zeros, zeros) if model.cell == "lstm" else (zeros,)] * model.num_layers
    nodes, loss = [], torch.zeros((), dtype=x.dtype)
    for t in range(end):
        if t == begin:
            states = [tuple(part.detach() for part in state) for state in states]
        states = advance(torch, model, leaves, x[t], states)
        nodes += [state[0] for state in states] if t >= begin else []
        if t >= losses:
            y = torch.nn.functional.linear(states[-1][0], leaves["readout.weight"], leaves["readout.bias"])
            loss = loss + ((y - (targets[t] if model.readout == "all" else targets)) ** 2).sum() / targets.numel()
    gradients = torch.autograd.grad(loss, [*leaves.values(), *nodes], allow_unused=True, materialize_grads=True)
    by_leaf = {name: gradient.numpy() for name, gradient in zip(leaves, gradients, strict=False)}
    by_state = torch.stack(gradients[len(leaves) :])
    return by_leaf, by_state.reshape(end - begin, model.num_layers, *zeros.shape).numpy()


def advance(torch, model, leaves, h, states):
    """Return the states of all layers, (h,) or (h, c), one step after `states`, for the input h."""
    cell = {"rnn": torch.rnn_tanh_cell, "lstm": torch.lstm_cell, "gru": torch.gru_cell}[model.cell]
    new = []
    for layer, state in enumerate(states):
        weights = [leaves[f"{kind}_l{layer}"] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        new.append(cell(h, state, *weights) if model.cell == "lstm" else (cell(h, *state, *weights),))
        h = new[-1][0]
    return new


@pytest.mark.parametrize("readout", ["last", "all"])
def test_a_horizon_beyond_the_sequence_is_plain_bptt(backend, readout):
    problem = small("lstm", 2, readout)
    whole = Schedule(truncation=(STEPS, STEPS))
    assert_same(run(backend, *problem, schedule=whole), run(backend, *problem), CLOSE)


def test_truncated_state_gradients_end_at_the_horizon(backend):
    model = Model("lstm", 2, 3, 1, num_layers=2)
    problem = model, initialise(model), random_batch(model, 12, 2)
    states = run(backend, *problem, schedule=Schedule(truncation=(2, 5)))["states"]
    assert (states[:7] == 0).all()
    assert (states[7:] != 0).any(axis=(1, 2, 3)).all()


def test_what_is_not_a_number_after_a_window_stays_out_of_it(backend):
    model, parameters, batch = small("lstm", 1, "all", "mse")
    schedule = Schedule(truncation=(3, 5))
    expected = run(backend, model, parameters, batch, schedule=schedule)["states"]
    batch.inputs[4:] = np.nan
    states = run(backend, model, parameters, batch, schedule=schedule)["states"]
    # The windows are [0, 1), [0, 4) and [2, 7): steps 0 and 1 see nothing of step 4.
    assert_same({"states": states[:2]}, {"states": expected[:2]}, 1e-14)
    assert np.isnan(states[2:]).all()


@pytest.mark.parametrize(("cell", "layers", "readout"), EVERY_KIND)
@pytest.mark.parametrize("every", [1, 2, 3, 7, 9])
def test_checkpointed_gradients_are_the_plain_ones(eager, cell, layers, readout, every):
    problem = small(cell, layers, readout)
    assert_same(run(eager, *problem, schedule=Schedule(checkpoint=every)), run(eager, *problem), CLOSE)


@pytest.mark.parametrize(("cell", "readout", "every"), [*product(RECURRENT, ("last", "all"), (3,)), ("lstm", "none", 7),
                                                        ("gru", "all", 1), ("rnn", "last", 20)])  # fmt: skip
def test_checkpoints_change_nothing(backend, cell, readout, every):
    problem = small(cell, 2, readout, "mse")
    assert_same(run(backend, *problem, schedule=Schedule(checkpoint=every)), run(backend, *problem), CLOSE)


@pytest.mark.parametrize("schedule", [Schedule(truncation=(1, 2)), Schedule(checkpoint=2)], ids=str)
def test_an_mlp_has_no_time_steps_to_split(backend, schedule):
    model = Model("mlp", 1, 1, 1)
    with pytest.raises(UserError, match="is for recurrent cells, not for mlp"):
        backend.build(model, initialise(model), schedule=schedule)
