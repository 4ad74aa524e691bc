"""The oracle with lengths, carried states, masks and two directions, against what means the same without them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from gradsuite.backend import Batch
from gradsuite.comparator import compare
from gradsuite.model import Model
from gradsuite.oracle import differentiate
from gradsuite.parameters import initialise
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

CLOSE = 1e-13  # a few hundred roundings of 1.1e-16
STEPS, SIZE = 5, 4
LENGTHS = np.array([3, 5, 1, 4])
CELLS = ("rnn", "lstm", "gru", "lru", "mingru", "peephole")


def example(model, *, lengths=None, carried=False, seed=0):
    rng = np.random.default_rng(seed)
    shape = model.targets_shape((STEPS, SIZE, model.input_size))
    classes = model.loss == "cross_entropy"
    targets = rng.integers(0, model.output_width, shape) if classes else rng.standard_normal(shape)
    kinds = 2 if model.cell in ("lstm", "lru", "peephole") else 1
    start = (model.num_layers * model.directions, SIZE, model.hidden_size)
    state = tuple(rng.standard_normal(start) for _ in range(kinds)) if carried else None
    batch = Batch(rng.standard_normal((STEPS, SIZE, model.input_size)), targets, lengths=lengths, state=state)
    return initialise(model, seed=seed), batch


def alone(model, batch, k):
    """Return sequence k without its padding, as a batch of one."""
    n = batch.lengths[k]
    targets = batch.targets[:n, [k]] if model.readout == "all" else batch.targets[[k]]
    state = None if batch.state is None else tuple(s[:, [k]] for s in batch.state)
    return Batch(batch.inputs[:n, [k]], targets, state=state)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "both"])
@pytest.mark.parametrize(("readout", "loss"), [("last", "mse"), ("all", "cross_entropy"), ("none", "inner_product")])
def test_a_padded_sequence_is_the_same_sequence_alone(cell, readout, loss, bidirectional):
    model = Model(cell, 2, 3, 0 if readout == "none" else 3, 2, "tanh", readout, loss, bidirectional)
    parameters, batch = example(model, lengths=LENGTHS, carried=True)
    hidden = np.where(batch.valid[..., None], batch.inputs, np.nan)  # whatever the padding holds
    targets = batch.targets.copy()
    if readout == "all":
        targets[~batch.valid] = -100  # no class at all
    together = differentiate(model, parameters, replace(batch, inputs=hidden, targets=targets), inputs=True)
    total = 0.0
    gradients = {name: np.zeros_like(p) for name, p in parameters.items()}
    for k, n in enumerate(LENGTHS):
        one = differentiate(model, parameters, alone(model, batch, k), inputs=True)
        share = n / LENGTHS.sum() if readout == "all" else 1 / SIZE
        total += share * one.loss
        for name in gradients:
            gradients[name] += share * one.parameters[name]
        outputs = together.outputs[:n, [k]] if readout == "all" else together.outputs[[k]]
        assert compare(outputs, one.outputs).within(CLOSE)
        for found, expected in ((together.states, one.states), (together.cell_states, one.cell_states)):
            if expected is not None:
                assert compare(found[:n, :, [k]], share * expected).within(CLOSE)
                assert not found[n:, :, k].any()
        assert compare(together.inputs[:n, [k]], share * one.inputs).within(CLOSE)
        assert not together.inputs[n:, k].any()
        for kind in range(len(one.last_state)):
            assert compare(together.last_state[kind][:, [k]], one.last_state[kind]).within(CLOSE)
            assert compare(together.initial_state[kind][:, [k]], share * one.initial_state[kind]).within(CLOSE)
        if readout == "all":
            assert not together.outputs[n:, k].any()
    assert compare(together.loss, total).within(CLOSE)
    for name, gradient in gradients.items():
        assert compare(together.parameters[name], gradient).within(CLOSE), name


@pytest.mark.parametrize("cell", CELLS)
def test_a_sequence_carried_on_is_the_whole_one(cell):
    """Gradients by the second part's first h are the whole one's by h there, of the top layer.

    Those of the layers below reach the loss through the same step of the layer above, too; and c through h.
    """
    model = Model(cell, 2, 3, 2, 2)
    parameters, whole = example(model, carried=True)
    cut = 2
    first = differentiate(model, parameters, replace(whole, inputs=whole.inputs[:cut]))
    second = differentiate(model, parameters, replace(whole, inputs=whole.inputs[cut:], state=first.last_state))
    expected = differentiate(model, parameters, whole)
    assert compare(second.outputs, expected.outputs).within(CLOSE)
    for found, last in zip(second.last_state, expected.last_state, strict=True):
        assert compare(found, last).within(CLOSE)
    assert compare(second.initial_state[0][-1], expected.states[cut - 1, -1]).within(CLOSE)


@pytest.mark.parametrize("reverse_lengths", [None, LENGTHS], ids=["whole", "ragged"])
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("readout", ["last", "all"])
def test_two_directions_lengths_and_states_are_torchs(kind, readout, reverse_lengths):
    """torch.nn with bidirectional=True, a packed sequence and hx, differentiated by autograd."""
    model = Model(kind.lower(), 2, 3, 2, 2, readout=readout, loss="inner_product", bidirectional=True)
    parameters, batch = example(model, lengths=reverse_lengths, carried=True)
    module = getattr(nn, kind)(2, 3, 2, bidirectional=True).double()
    assert [n for n in parameters if not n.startswith("readout")] == [n for n, _ in module.named_parameters()]
    tensors = {n: torch.tensor(p, requires_grad=n.startswith("readout")) for n, p in parameters.items()}
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(tensors[name])
            tensors[name] = parameter
    hx = tuple(torch.tensor(s, requires_grad=True) for s in batch.state)
    given = torch.tensor(batch.inputs)
    lengths = [STEPS] * SIZE if reverse_lengths is None else list(reverse_lengths)
    packed = pack_padded_sequence(given, lengths, enforce_sorted=False)
    out, last = module(packed, hx if kind == "LSTM" else hx[0])
    last = last if kind == "LSTM" else (last,)
    out, _ = pad_packed_sequence(out, total_length=STEPS)
    h = out if readout == "all" else torch.cat([last[0][-2], last[0][-1]], -1)
    y = h @ tensors["readout.weight"].T + tensors["readout.bias"]
    products = (y * torch.tensor(batch.targets)).sum(-1)
    if readout == "all":
        loss = (products * torch.tensor(batch.valid)).sum() / int(batch.valid.sum())
    else:
        loss = products.mean()
    loss.backward()
    answer = differentiate(model, parameters, batch)
    assert compare(answer.loss, loss.item()).within(CLOSE)
    for name, gradient in answer.parameters.items():
        assert compare(gradient, tensors[name].grad.numpy()).within(CLOSE), name
    for found, expected in zip(answer.initial_state, hx, strict=True):
        assert compare(found, expected.grad.numpy()).within(CLOSE)
    for found, expected in zip(answer.last_state, last, strict=True):
        assert compare(found, expected.detach().numpy()).within(CLOSE)


def test_masks_multiply_what_a_layer_puts_out_and_leave_its_states_alone():
    """Two layers of rnn by hand, with PyTorch's autograd."""
    model = Model("rnn", 2, 3, 2, 2, readout="all")
    parameters, batch = example(model)
    rng = np.random.default_rng(5)
    masks = rng.integers(0, 2, (STEPS, 2, SIZE, 3)) / 0.5
    answer = differentiate(model, parameters, replace(batch, masks=masks))
    p = {name: torch.tensor(value, requires_grad=True) for name, value in parameters.items()}
    sequence, states = [torch.tensor(x) for x in batch.inputs], []
    for layer in range(2):
        h = torch.zeros(SIZE, 3, dtype=torch.float64)
        w, u, b, d = (p[f"{n}_l{layer}"] for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        out, of_layer = [], []
        for t, x in enumerate(sequence):
            h = torch.tanh(x @ w.T + h @ u.T + b + d)
            h.retain_grad()
            of_layer.append(h)
            out.append(h * torch.tensor(masks[t, layer]))
        sequence = out
        states.append(of_layer)
    y = torch.stack(sequence) @ p["readout.weight"].T + p["readout.bias"]
    loss = nn.functional.mse_loss(y, torch.tensor(batch.targets))
    loss.backward()
    assert compare(answer.outputs, y.detach().numpy()).within(CLOSE)
    for name, gradient in answer.parameters.items():
        assert compare(gradient, p[name].grad.numpy()).within(CLOSE), name
    for t in range(STEPS):
        for layer in range(2):
            assert compare(answer.states[t, layer], states[layer][t].grad.numpy()).within(CLOSE)


@pytest.mark.parametrize("cell", ["mlp", "lstm"])
def test_one_mask_for_all_steps_is_that_mask_at_every_step(cell):
    model = Model(cell, 2, 3, 2, 2)
    if cell == "mlp":
        parameters = initialise(model)
        batch = Batch(np.ones((SIZE, 2)), np.ones((SIZE, 2)))
        ones = np.ones((2, SIZE, 3))
        plain, masked = (differentiate(model, parameters, replace(batch, masks=m)) for m in (None, 2 * ones))
        assert compare(masked.outputs - parameters["readout.bias"], plain.outputs).error > 0
        with_ones = differentiate(model, parameters, replace(batch, masks=ones))
        assert np.array_equal(with_ones.states, plain.states)
        return
    parameters, batch = example(model)
    mask = np.random.default_rng(1).integers(0, 2, (1, 2, SIZE, 3)) * 2.0
    one, each = (differentiate(model, parameters, replace(batch, masks=m)) for m in (mask, np.tile(mask, (5, 1, 1, 1))))
    assert np.array_equal(one.states, each.states)
    assert np.array_equal(one.loss, each.loss)


@pytest.mark.parametrize(("k1", "k2"), [(2, 3), (1, 4)])
def test_truncated_windows_are_counted_from_the_last_step_of_the_batch(k1, k2):
    """A loss at step n is carried back to the first step of its window: what the states say that stand before it."""
    model = Model("lstm", 2, 3, 2)
    parameters, batch = example(model, lengths=LENGTHS, carried=True)
    answer = differentiate(model, parameters, batch, truncation=(k1, k2))
    for k, n in enumerate(LENGTHS):
        end = next(end for end in range(STEPS, 0, -k1) if end - k1 < n <= end)
        reached = answer.states[:, 0, k].any(axis=-1)
        assert np.array_equal(np.flatnonzero(reached), np.arange(max(end - k2, 0), n))
        assert answer.initial_state[0][0, k].any() == (end - k2 <= 0)
