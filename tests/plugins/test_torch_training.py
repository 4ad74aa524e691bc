"""Training with the torch backend against torch.optim and the clipping of torch.nn.utils."""

import numpy as np
import pytest
from gradsuite.model import CELLS, Model
from gradsuite.optimizers import SGD, Adam, AdamW, Momentum
from gradsuite.parameters import initialise

torch = pytest.importorskip("torch")

from gradsuite_torch.backend import TorchBackend  # noqa: E402

from tests.plugins.test_torch import random_batch  # noqa: E402
from tests.torch_twin import loss_and_gradients  # noqa: E402

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
    network = TorchBackend().build(model, parameters, dtype="float64")
    mine = network.put(batch)
    leaves = {name: torch.nn.Parameter(torch.tensor(value)) for name, value in parameters.items()}
    theirs = kind(leaves.values(), **arguments)
    for _ in range(50):
        network.step(mine, rule)
        values = {name: leaf.detach().numpy() for name, leaf in leaves.items()}
        _, _, gradients = loss_and_gradients(model, values, batch)
        for name, leaf in leaves.items():
            leaf.grad = torch.tensor(gradients.parameters[name])
        if rule.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(leaves.values(), rule.clip_norm)
        if rule.clip_value is not None:
            torch.nn.utils.clip_grad_value_(leaves.values(), rule.clip_value)
        theirs.step()
    for name, leaf in leaves.items():
        expected = leaf.detach().numpy()
        # 50 steps of float64 arithmetic in another order; Adam divides by the root of averages down to 1e-8.
        assert np.linalg.norm(network.fetch(network.parameters[name]) - expected) <= 1e-9 * np.linalg.norm(expected)
