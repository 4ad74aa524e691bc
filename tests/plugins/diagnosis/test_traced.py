"""Torch modules without a recurrent layer of torch's: cells in a loop, and blocks one after another."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gradsuite.diagnosis.call import find_patients  # noqa: E402
from gradsuite.diagnosis.patient import Question  # noqa: E402
from gradsuite.plugins import load  # noqa: E402
from torch import nn  # noqa: E402


def found(module, batch, loss="mse"):
    return find_patients(Question(module, batch, loss, title="Net"), load())


class Loop(nn.Module):
    """A cell called step by step; its states are kept for the test to differentiate by."""

    def __init__(self, cell):
        super().__init__()
        self.cell, self.head = cell, nn.Linear(4, 1)

    def forward(self, x):
        state, self.states = None, []
        for step in x:
            state = self.cell(step, state)
            self.states.append(state[0] if isinstance(state, tuple) else state)
        return self.head(self.states[-1])


@pytest.mark.parametrize("kind", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_a_loop_over_a_cell(kind):
    torch.manual_seed(0)
    module = Loop(kind(3, 4)).double()
    x, target = torch.randn(6, 2, 3).double(), torch.randn(2, 1).double()
    (traced,) = found(module, (x, target))
    wanted = torch.autograd.grad(nn.functional.mse_loss(module(x), target), module.states)
    assert (traced.title, traced.axis, traced.places) == ("cell of Net", "time step", tuple("012345"))
    np.testing.assert_allclose(traced.gradients, [one.norm(dim=1).numpy() for one in wanted], rtol=1e-12)
    np.testing.assert_allclose(traced.states, [one.norm(dim=1).detach().numpy() for one in module.states], rtol=1e-12)


def test_blocks_of_a_residual_network():
    torch.manual_seed(0)

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(5, 5), nn.Tanh()) for _ in range(4))

        def forward(self, x):
            self.kept = []
            for block in self.blocks:
                self.kept.append(block(x))
                x = x + self.kept[-1]
            return x

    module = Residual().double()
    x, target = torch.randn(3, 5).double(), torch.randn(3, 5).double()
    (traced,) = found(module, (x, target))
    wanted = torch.autograd.grad(nn.functional.mse_loss(module(x), target), module.kept)
    assert (traced.axis, traced.places) == ("layer", tuple(f"blocks.{number}" for number in range(4)))
    np.testing.assert_allclose(traced.gradients, [one.norm(dim=1).numpy() for one in wanted], rtol=1e-12)


def test_layers_of_a_transformer():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    module = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
    (traced,) = found(module, (torch.randn(2, 5, 8), torch.randn(2, 5, 8)))
    assert traced.places == ("layers.0", "layers.1", "layers.2")
    assert (traced.gradients > 0).all()
    assert traced.gradients.shape == (3, 2)


def test_batches_of_several_lengths_stand_side_by_side():
    torch.manual_seed(0)
    batches = [(torch.randn(steps, 2, 3), torch.randn(2, 1)) for steps in (4, 6)]
    (traced,) = found(Loop(nn.GRUCell(3, 4)), batches)
    assert traced.gradients.shape == (6, 4)
    assert np.isnan(traced.gradients[4:, :2]).all()
    assert np.isfinite(traced.gradients[:, 2:]).all()
