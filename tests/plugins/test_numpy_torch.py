"""The numpy backend's gradients against torch.nn with autograd, and its steps against torch.optim."""

from itertools import product

import pytest
from gradsuite.model import ACTIVATIONS, CELLS, LOSSES, READOUTS, Model
from gradsuite.optimizers import SGD, Adam, AdamW, Momentum
from gradsuite.parameters import initialise
from gradsuite_numpy.backend import NumpyBackend

torch = pytest.importorskip("torch")

from tests.plugins.test_numpy import assert_same, random_batch, run  # noqa: E402
from tests.torch_twin import loss_and_gradients  # noqa: E402

# Sums of at most a few hundred float64 products, each right to 1.1e-16, through at most 13 steps and 3 layers.
TOLERANCE = 1e-11
SHAPES = ((7, 3, 2, 5), (1, 1, 1, 1), (2, 1, 5, 3), (13, 2, 1, 4), (1, 4, 3, 2), (5, 5, 4, 1))  # T, B, I, H
KINDS = [(cell, activation) for cell in CELLS for activation in ACTIVATIONS[cell]]


def twin(model, parameters, batch):
    loss, outputs, gradients = loss_and_gradients(model, parameters, batch)
    return {"loss": loss, "outputs": outputs, **gradients.parameters, "states": gradients.states}


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize(("cell", "activation"), KINDS)
@pytest.mark.parametrize(("steps", "size", "inputs", "hidden"), SHAPES)
def test_gradients_are_torchs(cell, activation, layers, steps, size, inputs, hidden):
    for readout, loss in product(READOUTS, LOSSES):
        if cell == "mlp" and readout == "all":
            continue
        model = Model(cell, inputs, hidden, 0 if readout == "none" else 3, layers, activation, readout, loss)
        parameters, batch = initialise(model, seed=3), random_batch(model, steps, size)
        found = run(model, parameters, batch)
        found.pop("cell_states", None)
        assert_same(found, twin(model, parameters, batch), TOLERANCE)


@pytest.mark.parametrize("readout", ["last", "all"])
def test_cell_states_are_autograds(readout):
    model = Model("lstm", 2, 3, 2, num_layers=2, readout=readout, loss="inner_product")
    parameters, batch = initialise(model, seed=1), random_batch(model, 5, 4)
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in parameters.items()}
    sequence, cells = list(torch.tensor(batch.inputs)), []
    for layer in range(2):
        weights = [leaves[f"{role}_l{layer}"] for role in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        h = c = torch.zeros(4, 3, dtype=torch.float64)
        for t, x in enumerate(sequence):
            sequence[t], c = h, c = torch.lstm_cell(x, (h, c), *weights)
            cells.append(c)
    top = torch.stack(sequence) if readout == "all" else sequence[-1]
    outputs = top @ leaves["readout.weight"].T + leaves["readout.bias"]
    loss = (outputs * torch.tensor(batch.targets)).sum(-1).mean()
    expected = torch.autograd.grad(loss, cells, materialize_grads=True)
    expected = torch.stack(expected).reshape(2, 5, 4, 3).transpose(0, 1).numpy()
    assert_same({"c": run(model, parameters, batch)["cell_states"]}, {"c": expected}, TOLERANCE)


OPTIMIZERS = [
    (SGD(lr=0.1, weight_decay=0.01), torch.optim.SGD, {"lr": 0.1, "weight_decay": 0.01}),
    (SGD(lr=0.1, clip_norm=0.05), torch.optim.SGD, {"lr": 0.1}),
    (SGD(lr=0.1, clip_value=0.01), torch.optim.SGD, {"lr": 0.1}),
    (Momentum(lr=0.1, momentum=0.8), torch.optim.SGD, {"lr": 0.1, "momentum": 0.8}),
    (Momentum(lr=0.1, nesterov=True), torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (Adam(lr=0.01, weight_decay=0.1), torch.optim.Adam, {"lr": 0.01, "weight_decay": 0.1}),
    (AdamW(lr=0.01, clip_norm=0.05), torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.01}),
]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("rule", "kind", "arguments"), OPTIMIZERS)
def test_fifty_steps_are_those_of_torch_optim(cell, rule, kind, arguments):
    model = Model(cell, 2, 3, 2, num_layers=2)
    parameters, batch = initialise(model, seed=2), random_batch(model, 5, 3)
    network = NumpyBackend().build(model, parameters, dtype="float64")
    leaves = {name: torch.nn.Parameter(torch.tensor(value)) for name, value in parameters.items()}
    theirs, mine = kind(leaves.values(), **arguments), network.put(batch)
    for _ in range(50):
        network.step(mine, rule)
        host = {name: leaf.detach().numpy() for name, leaf in leaves.items()}
        for name, gradient in loss_and_gradients(model, host, batch)[2].parameters.items():
            leaves[name].grad = torch.tensor(gradient)
        if rule.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(leaves.values(), rule.clip_norm)
        if rule.clip_value is not None:
            torch.nn.utils.clip_grad_value_(leaves.values(), rule.clip_value)
        theirs.step()
    # 50 steps of at most lr each carry the gradients' 1e-15 no further than 1e-9, Adam's division included.
    expected = {name: leaf.detach().numpy() for name, leaf in leaves.items()}
    assert_same({name: network.fetch(value) for name, value in network.parameters.items()}, expected, 1e-9)
