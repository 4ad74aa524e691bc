"""Planted numbers that are not finite: which pass they come from, and which step."""

import pytest

torch = pytest.importorskip("torch")

from gradsuite.diagnosis.call import find_patients  # noqa: E402
from gradsuite.diagnosis.patient import Question  # noqa: E402
from gradsuite.plugins import load  # noqa: E402
from torch import nn  # noqa: E402

STEP = 5


class Net(nn.Module):
    def __init__(self, layer=None):
        super().__init__()
        torch.manual_seed(0)
        self.layer = layer or nn.GRU(3, 4)
        self.head = nn.Linear(self.layer.hidden_size, 2)

    def forward(self, x):
        return self.head(self.layer(x)[0])


def trouble(module, batch, loss):
    found = find_patients(Question(module, batch, loss, title="Net"), load())
    return found[0].trouble


def inputs():
    return torch.randn(9, 2, 3, generator=torch.Generator().manual_seed(1))


def test_finite_numbers_are_no_trouble():
    assert trouble(Net(), (inputs(), torch.zeros(9, 2, 2)), "mse") is None


def test_nan_in_the_data():
    x = inputs()
    x[STEP, 1, 2] = float("nan")
    found = trouble(Net(), (x, torch.zeros(9, 2, 2)), "mse")
    assert (found.stage, found.step) == ("data", STEP)
    assert found.place == f"[0] of the batch, input 2 of sequence 1 at step {STEP}"


def test_nan_in_a_later_batch():
    x = inputs()
    x[0, 0, 0] = float("inf")
    found = trouble(Net(), [(inputs(), torch.zeros(9, 2, 2)), (x * 0, torch.zeros(9, 2, 2))], "mse")
    assert found.place.startswith("batch 1: [0] of the batch, ")


def test_log_of_zero_in_the_loss():
    def loss(output, batch):
        mask = torch.ones(9, 1, 1)
        mask[STEP] = 0
        return -torch.log(output.sigmoid() * mask).mean()

    found = trouble(Net(), inputs(), loss)
    assert (found.stage, found.step) == ("loss", STEP)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_overflow_in_the_forward_pass(dtype):
    """h doubles at every step of the second layer: in float32 it passes 2^128, in float64 2^1024, at a step to tell."""
    layer = nn.RNN(1, 1, 2, nonlinearity="relu", bias=False).to(dtype)
    with torch.no_grad():
        for weight, value in zip(layer.parameters(), (1.0, 0.0, 1.0, 2.0**32), strict=True):
            weight.fill_(value)
    x = torch.zeros(40, 1, 1, dtype=dtype)
    x[0] = 1.0
    module = Net(layer).to(dtype)
    found = trouble(module, (x, torch.zeros(40, 1, 2, dtype=dtype)), "mse")
    # h_t = 2^(32 t): float32 ends below 2^128, float64 below 2^1024.
    assert (found.stage, found.layer, found.step) == ("forward", 1, 4 if dtype == torch.float32 else 32)


def test_a_gradient_that_is_not_finite_though_the_loss_is():
    def loss(output, batch):
        mask = torch.ones(9, 1, 1)
        mask[STEP] = 0
        return torch.sqrt(output.square() * mask).mean()  # the root's slope at 0 is infinite

    found = trouble(Net(), inputs(), loss)
    assert (found.stage, found.step) == ("backward", STEP)


def test_a_gradient_that_explodes_on_its_way_back():
    """All states are 0, and the gradient grows 2^32 times a step: float32 ends at 2^128, four steps before the loss."""
    layer = nn.RNN(1, 1, bias=False)
    with torch.no_grad():
        for weight, value in zip(layer.parameters(), (1.0, 2.0**32), strict=True):
            weight.fill_(value)
    module = nn.Sequential(layer)

    def loss(output, batch):
        return output[0][-1].sum()

    found = trouble(module, torch.zeros(9, 1, 1), loss)
    assert (found.stage, found.step, found.layer) == ("backward", 9 - 1 - 4, 0)
