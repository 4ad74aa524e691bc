"""Recurrent layers swapped into the suite are those of the module: a hundred random ones, each held to autograd."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gradsuite.diagnosis.call import find_patients  # noqa: E402
from gradsuite.diagnosis.patient import Question  # noqa: E402
from gradsuite.plugins import load  # noqa: E402

from tests.plugins.diagnosis.random_modules import random_module  # noqa: E402

# Sums of at most 9 steps, 4 layers and 12 units, some thousand roundings of 1.1e-16 that grow as their root.
TOLERANCE = 1e-12


@pytest.fixture(scope="module")
def plugins():
    return load()


def only(module, batch, loss, plugins):
    (patient,) = find_patients(Question(module, batch, loss, title="Net"), plugins)
    return patient


@pytest.mark.parametrize("seed", range(100))
def test_swapped_and_original_agree(seed, plugins):
    module, batch = random_module(seed)
    patient = only(module, batch, "mse", plugins)
    assert patient.dtype == patient.swap.dtype == "float64"
    assert patient.swap.outputs <= TOLERANCE
    assert patient.swap.parameters <= TOLERANCE
    # And by autograd itself, which the plugin's own comparison is not needed for.
    *given, target = batch
    loss = torch.nn.functional.mse_loss(module(*given), target)
    loss.backward()
    network = patient.backend.build(patient.model, patient.parameters, dtype="float64")
    (seen,) = patient.seen
    gradients = network.fetch_gradients(network.backward(network.forward(network.put(seen.batch)))).parameters
    for name, parameter in module.layer.named_parameters():
        wanted = parameter.grad.numpy()
        assert np.linalg.norm(gradients[name] - wanted) <= TOLERANCE * np.linalg.norm(wanted), name
    assert seen.loss == pytest.approx(loss.item(), rel=1e-14)
    norm = np.sqrt(sum(float(one.grad.square().sum()) for one in module.parameters()))
    assert seen.gradient_norm == pytest.approx(norm, rel=1e-12)


def test_state_gradients_are_the_loss_s(plugins):
    """By a loop of torch.nn.LSTMCell, whose every state autograd knows."""
    torch.manual_seed(0)
    layer = torch.nn.LSTM(3, 5).double()
    head = torch.nn.Linear(5, 2).double()
    x, target = torch.randn(7, 4, 3).double(), torch.randn(4, 2).double()

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.head = copy.deepcopy(layer), copy.deepcopy(head)

        def forward(self, x):
            return self.head(self.layer(x)[0][-1])

    patient = only(Net(), (x, target), "mse", plugins)
    network = patient.backend.build(patient.model, patient.parameters, dtype="float64")
    found = network.fetch_gradients(network.backward(network.forward(network.put(patient.seen[0].batch), states=True)))

    cell = torch.nn.LSTMCell(3, 5).double()
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in layer.state_dict().items()})
    state, states = None, []
    for step in x:
        h, c = cell(step, state)
        state = h, c
        states.append(h)
    wanted = torch.autograd.grad(torch.nn.functional.mse_loss(head(h), target), states)
    for step, one in enumerate(wanted):
        assert np.allclose(found.states[step, 0], one.numpy(), rtol=1e-12, atol=0)
