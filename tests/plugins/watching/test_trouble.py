"""What a watch says of trouble: the first number that is not finite, alarms, and what it does not look at."""

import copy
import warnings

import gradsuite
import numpy as np
import pytest
from gradsuite.errors import UserError

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from tests.plugins.watching.training import B, H, I, T, batch_of, made, trained, value  # noqa: E402


class Broken(nn.Module):
    """A network that is broken at one step in a way that can be chosen."""

    def __init__(self, how, at):
        super().__init__()
        self.lstm = nn.LSTM(I, H)
        self.middle = nn.Linear(H, H)
        self.readout = nn.Linear(H, 1)
        self.how, self.at, self.step = how, at, 0

    def forward(self, x):
        self.step += 1
        now = self.step == self.at
        h = self.middle(self.lstm(x)[0][-1])
        if self.how == "forward" and now:
            h = torch.log(h * 0 - 1)
        if self.how == "backward" and now:
            h = h + 0 * torch.sqrt(h * 0)  # 0 forward; backward 0 / 0
        return self.readout(h)


@pytest.mark.parametrize("at", [1, 5, 8])  # looked at, not looked at, and after a step without any hook of its own
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("data", "in the data: what the module is given"),
        ("forward", "in the forward pass: outputs of "),
        ("loss", "in the loss"),
        ("backward", "in the backward pass: gradient by middle."),
    ],
)
def test_the_first_number_that_is_not_finite_has_its_step_and_place(how, said, at):
    torch.manual_seed(0)
    model = Broken(how, at)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with warnings.catch_warnings(record=True) as caught, gradsuite.watch(model, every=8) as watch:
        warnings.simplefilter("always")
        for step in range(1, 10):
            x = torch.ones(T, B, I)
            if how == "data" and step == at:
                x[3, 2, 1] = torch.nan
            optimizer.zero_grad()
            y = model(x)
            loss = torch.log(y * 0).mean() if how == "loss" and step == at else y.mean()
            loss.backward()
            optimizer.step()
    assert str(caught[0].message).startswith(f"first number that is not finite at step {at}, {said}")
    (alarm,) = [alarm for alarm in watch.alarms if alarm.kind == "not finite"]
    assert alarm.step == at


@pytest.mark.parametrize(
    ("how", "tells", "said"),
    [
        ("loss", True, "loss"),
        ("backward", True, "backward pass"),
        ("backward", False, "loss or the backward pass"),
    ],
)
def test_what_clipping_has_spread_is_told_apart_by_the_loss(how, tells, said):
    torch.manual_seed(0)
    model = Broken(how, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with warnings.catch_warnings(record=True) as caught, gradsuite.watch(model, every=8) as watch:
        warnings.simplefilter("always")
        for step in (1, 2):
            y = model(torch.ones(T, B, I))
            loss = torch.log(y * 0).mean() if how == "loss" and step == 2 else y.mean()
            if tells:
                watch.loss(loss)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    assert str(caught[0].message) == f"first number that is not finite at step 2, in the {said}"


def test_a_gradient_that_vanishes_is_warned_of():
    model = made("RNN")
    nn.init.orthogonal_(model.layer.weight_hh_l0).data.mul_(0.2)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    watch = gradsuite.watch(model, every=2, vanish_steps=4)
    with watch, pytest.warns(gradsuite.GradientWarning) as caught:
        trained(model, 12, optimizer=optimizer)
    (warning,) = caught
    assert str(warning.message).startswith("gradient vanished before lag 10 for 4 steps: layer, layer 0, horizon ")


def test_a_healthy_training_is_not_warned_of():
    model = made("LSTM", dtype=torch.float32)
    nn.init.constant_(model.layer.bias_ih_l0[H : 2 * H].data, 3.0)  # remembers
    with gradsuite.watch(model, every=2, vanish_steps=4) as watch:
        trained(model, 20)
    assert watch.alarms == []


def test_autocast_and_a_scaled_loss():
    model = made("LSTM", dtype=torch.float32)
    twin = copy.deepcopy(model)
    twin(batch_of(model)).square().mean().backward()
    expected = torch.cat([p.grad.flatten() for p in twin.parameters()]).norm().item()
    with gradsuite.watch(model, loss_scale=lambda: 1024.0) as watch:
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(batch_of(model)).square().mean()
        (1024 * loss).backward()
        watch.step(loss)
    # bfloat16 has 8 bits: each of some ten operations rounds by up to 1/256.
    assert value(watch, "gradient_norm", module="", layer=-1) == pytest.approx(expected, rel=0.05)
    assert value(watch, "difference", layer=-1) < 0.05


def test_a_compiled_module():
    model = made("LSTM", dtype=torch.float32)
    alone = copy.deepcopy(model)
    compiled = torch.compile(model, backend="eager")
    with gradsuite.watch(compiled, every=2) as watch:
        trained_compiled(compiled, model)
    trained_compiled(torch.compile(alone, backend="eager"), alone)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), alone.parameters(), strict=True))
    assert value(watch, "difference", layer=-1) < 1e-5
    assert watch.frame["step"].unique().tolist() == [1, 2, 4]
    assert value(watch, "gradient_norm", module="", layer=-1) > 0
    assert watch.notes == [
        "What is compiled has no hooks inside: of it, only recurrent layers and parameters are looked at."
    ]


def test_a_module_compiled_in_place_is_refused():
    model = made("LSTM")
    model.compile(backend="eager")
    with pytest.raises(UserError, match=r"watch what torch\.compile"):
        gradsuite.watch(model)


def trained_compiled(compiled, model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(5):
        optimizer.zero_grad()
        compiled(batch_of(model, seed=step)).square().mean().backward()
        optimizer.step()


def test_the_report_is_a_page_that_loads_nothing(tmp_path):
    model = made("LSTM", num_layers=2)
    with gradsuite.watch(model, every=2) as watch:
        trained(model, 6)
    path = watch.report(tmp_path / "watch.html")
    page = path.read_text(encoding="utf-8")
    assert "<h1>Last in training</h1>" in page
    assert "Nothing to be alarmed at." in page
    assert all(f'data-name="{name}"' in page for name in ("horizon", "gradient_norm", "forget_gate", "saturated"))
    assert "src=" not in page.replace("img-src", "")
    with pytest.raises(UserError, match="cannot write"):
        watch.report(tmp_path / "nowhere" / "watch.html")


def test_a_report_of_nothing(tmp_path):
    with gradsuite.watch(made("LSTM")) as watch:
        pass
    assert "No step has been looked at." in watch.report(tmp_path / "watch.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("thing", [None, 3, nn.Linear, lambda x: x, np.ones(3)])
def test_what_is_no_module_is_refused(thing):
    with pytest.raises(UserError, match=r"cannot watch '.*': give a torch\.nn\.Module, the model"):
        gradsuite.watch(thing)


def test_every_is_at_least_one():
    with pytest.raises(UserError, match="every must be at least 1, not 0"):
        gradsuite.watch(made("LSTM"), every=0)


@pytest.mark.filterwarnings("ignore:LSTM with projections")  # PyTorch's own, of its slow path
def test_what_is_not_looked_at_is_said():
    model = nn.Sequential(nn.LSTM(I, H, proj_size=2))
    with gradsuite.watch(model) as watch:
        model(torch.ones(T, B, I))[0].sum().backward()
        watch.step()
    assert watch.notes == ["0 has proj_size, which the suite lacks: its horizon is not looked at."]
    assert value(watch, "gradient_norm", module="", layer=-1) > 0
