"""What a watch reads off recurrent layers, cells, blocks and gates is what autograd has."""

import copy

import gradsuite
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn.utils.rnn import pack_padded_sequence  # noqa: E402

from tests.plugins.watching.training import B, H, I, T, batch_of, made, trained, value  # noqa: E402


def norms_by_autograd(model, x):
    """Return norms over h and c by lag (layers, lags) as autograd has them, layer by layer of PyTorch's own cells."""
    layer = model.layer
    cells = {"LSTM": nn.LSTMCell, "GRU": nn.GRUCell, "RNN_TANH": nn.RNNCell, "RNN_RELU": nn.RNNCell}
    kept = []
    for number in range(layer.num_layers):
        cell = cells[layer.mode](x.shape[-1], H, dtype=x.dtype)
        if layer.mode == "RNN_RELU":
            cell.nonlinearity = "relu"
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        cell.load_state_dict({name: getattr(layer, f"{name}_l{number}") for name in names})
        state, outputs, states = None, [], []
        for x_t in x:
            state = cell(x_t, state)
            parts = state if isinstance(state, tuple) else (state,)
            for part in parts:
                part.retain_grad()
            outputs.append(parts[0])
            states.append(parts)
        kept.append(states)
        x = torch.stack(outputs)
    model.readout(x[-1]).square().mean().backward()
    squares = [[sum(part.grad.square().sum().item() for part in parts) for parts in states] for states in kept]
    return np.sqrt(np.array(squares))[:, ::-1]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("LSTM", {}),
        ("LSTM", {"num_layers": 3}),
        ("GRU", {"num_layers": 2, "batch_first": True}),
        ("RNN", {}),
        ("RNN", {"nonlinearity": "relu", "num_layers": 2}),
        ("LSTM", {"bias": False}),
    ],
)
@pytest.mark.parametrize("reads", ["last", "state"])
def test_the_horizon_is_that_of_autograd(kind, options, reads):
    model = made(kind, reads=reads, **options)
    with torch.no_grad():  # a horizon well inside the sequence, or nothing would be compared
        for name, p in model.layer.named_parameters():
            p.mul_(0.6 if "weight_hh" in name else 1.0)
    start = copy.deepcopy(model)
    if not model.layer.bias:
        start.layer = getattr(nn, kind)(I, H, dtype=torch.float64)
        nn.init.zeros_(start.layer.bias_ih_l0)
        nn.init.zeros_(start.layer.bias_hh_l0)
        start.layer.load_state_dict(model.layer.state_dict(), strict=False)
    x = batch_of(model, seed=0)
    with gradsuite.watch(model) as watch:
        trained(model, 1)
    expected = norms_by_autograd(start, x.transpose(0, 1) if model.layer.batch_first else x)
    for layer, norms in enumerate(expected):
        fall = np.log(norms[0] / norms)
        end = int(np.argmax(fall >= np.log(1000)))
        assert end > 0
        horizon = end - 1 + (np.log(1000) - fall[end - 1]) / (fall[end] - fall[end - 1])
        # Both are float64: rounding errors of 1e-16 a step, over T steps and relative to 1/1000 of the first norm.
        assert value(watch, "horizon", layer=layer) == pytest.approx(horizon, rel=1e-9)
        assert value(watch, "longest_horizon", layer=layer) == T - 1
        slope = np.polyfit(np.arange(end + 1), np.log(norms[: end + 1]), 1)[0]
        assert value(watch, "rate", layer=layer) == pytest.approx(slope, rel=1e-9)
    assert value(watch, "difference", layer=-1) < 1e-12


def test_a_loss_that_reads_every_step_has_the_horizon_of_its_last():
    last, every = made("LSTM"), made("LSTM", reads="all")
    with gradsuite.watch(last) as of_last, gradsuite.watch(every) as of_every:
        trained(last, 1)
        trained(every, 1)
    assert value(of_every, "rate") == pytest.approx(value(of_last, "rate"), rel=1e-9)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_two_directions_are_two_layers_and_compute_what_pytorch_does(kind):
    model = made(kind, reads="state", bidirectional=True, num_layers=2)
    with gradsuite.watch(model) as watch:
        trained(model, 1)
    assert value(watch, "difference", layer=-1) < 1e-12
    frame = watch.frame
    assert sorted(frame[frame["metric"] == "horizon"]["layer"]) == [0, 1, 2, 3]
    assert frame[frame["metric"] == "horizon"]["value"].between(1, T - 1).all()
    names = {f"gradient_norm/layer.{layer}" for layer in range(4)}
    assert names <= {f"{row.metric}/{row.module}.{row.layer}" for row in frame.itertuples()}


def test_the_second_direction_s_horizon_is_that_of_the_sequence_turned_around():
    torch.manual_seed(0)
    both = made("LSTM", reads="state", bidirectional=True)
    single = made("LSTM")
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(single.layer, f"{name}_l0").data = getattr(both.layer, f"{name}_l0_reverse").data.clone()
    x = batch_of(both)
    with gradsuite.watch(both) as of_both:
        y = both(x)
        y.square().mean().backward()
        of_both.step()
    with torch.no_grad():
        by_last = (y.detach() @ both.readout.weight)[:, H:]
    with gradsuite.watch(single.layer) as of_single:
        (single.layer(x.flip(0))[0][-1] * by_last).sum().backward()
        of_single.step()
    assert value(of_both, "rate", layer=1) == pytest.approx(value(of_single, "rate", module=""), rel=1e-9)


def test_packed_sequences_have_the_horizon_of_their_longest():
    model = made("LSTM", reads="state")
    x, lengths = batch_of(model), torch.tensor([9, T, 5, T, 12])
    with gradsuite.watch(model) as packed:
        model(pack_padded_sequence(x, lengths, enforce_sorted=False))[[1, 3]].square().sum().backward()
        packed.step()
    with gradsuite.watch(model) as plain:
        model(x[:, [1, 3]]).square().sum().backward()
        plain.step()
    assert value(packed, "longest_horizon") == T - 1
    assert value(packed, "horizon") == pytest.approx(value(plain, "horizon"), rel=1e-9)
    assert value(packed, "difference", layer=-1) < 1e-12


def test_a_state_that_is_carried_on_counts():
    model = made("GRU")
    h = torch.randn(1, B, H, dtype=torch.float64)
    with gradsuite.watch(model.layer) as watch:
        model.layer(batch_of(model), h)[0][-1].sum().backward()
        watch.step()
    assert value(watch, "difference", module="", layer=-1) < 1e-12


def test_one_sequence_without_a_batch():
    model = made("LSTM")
    with gradsuite.watch(model.layer) as watch:
        model.layer(batch_of(model)[:, 0])[0][-1].sum().backward()
        watch.step()
    assert value(watch, "difference", module="", layer=-1) < 1e-12
    assert value(watch, "longest_horizon", module="") == T - 1


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_a_loop_of_cells_has_the_horizon_of_the_layer(kind):
    layer = made(kind)
    cell = getattr(nn, f"{kind}Cell")(I, H, dtype=torch.float64)
    cell.load_state_dict({name.removesuffix("_l0"): p for name, p in layer.layer.state_dict().items()})
    x = batch_of(layer)
    with gradsuite.watch(layer) as of_layer, gradsuite.watch(cell) as of_cell:
        layer(x).square().mean().backward()
        of_layer.step()
        state = None
        for x_t in x:
            state = cell(x_t, state)
        h = state[0] if kind == "LSTM" else state
        layer.readout(h).square().mean().backward()
        of_cell.step()
    assert value(of_cell, "rate", module="", layer=-1) == pytest.approx(
        value(of_layer, "rate"), rel=1e-6
    )  # float32 norms
    for metric in ("forget_gate", "saturated") if kind != "RNN" else ("saturated",):
        assert value(of_cell, metric, module="", layer=-1) == pytest.approx(value(of_layer, metric), abs=1e-6)


def test_a_layer_called_step_by_step_has_the_horizon_of_the_whole():
    model = made("GRU")
    x = batch_of(model)
    with gradsuite.watch(model.layer) as by_step:
        h = None
        for x_t in x:
            y, h = model.layer(x_t[None], h)
        model.readout(y[-1]).square().mean().backward()
        by_step.step()
    with gradsuite.watch(model) as whole:
        model(x).square().mean().backward()
        whole.step()
    assert value(by_step, "rate", module="", layer=-1) == pytest.approx(value(whole, "rate"), rel=1e-6)


def test_gates_are_those_of_the_equations():
    model = made("LSTM")
    with torch.no_grad():
        for p in model.layer.parameters():
            p.zero_()
        model.layer.bias_ih_l0[:H] = 5.0  # i: sigma(5) = .993 is saturated, one of three gates
        model.layer.bias_ih_l0[H : 2 * H] = 1.0  # f
    with gradsuite.watch(model) as watch:
        trained(model, 1)
    assert value(watch, "forget_gate") == pytest.approx(1 / (1 + np.exp(-1.0)), rel=1e-12)
    assert value(watch, "saturated") == pytest.approx(1 / 3, rel=1e-6)


def test_dead_units_of_a_relu_layer_and_of_a_rectifier():
    model = made("RNN", nonlinearity="relu")
    with torch.no_grad():
        model.layer.weight_hh_l0.zero_()
        model.layer.bias_ih_l0[:4] = -100.0
        model.layer.bias_ih_l0[4:] = 100.0
    whole = nn.Sequential(model, nn.Linear(2, 4, dtype=torch.float64), nn.ReLU())
    nn.init.zeros_(whole[1].weight)
    whole[1].bias.data = torch.tensor([-1.0, 1.0, 1.0, 1.0], dtype=torch.float64)
    watch = gradsuite.watch(whole)
    with watch:
        whole(batch_of(model)).sum().backward()
        with pytest.warns(gradsuite.GradientWarning, match=r"67% of the units are dead at step 1: 0\.layer, layer 0"):
            watch.step()
    assert value(watch, "dead", module="0.layer") == pytest.approx(4 / 6)
    assert value(watch, "dead", module="2", layer=-1) == pytest.approx(1 / 4)


def test_gradient_norms_are_those_before_clipping():
    model = made("LSTM", num_layers=2)
    twin = copy.deepcopy(model)
    twin(batch_of(model, seed=0)).square().mean().backward()
    with gradsuite.watch(model) as watch:
        trained(model, 1, clip=1e-3)
    expected = torch.cat([p.grad.flatten() for p in twin.parameters()]).norm().item()
    assert value(watch, "gradient_norm", module="", layer=-1) == pytest.approx(expected, rel=1e-12)
    own = [p.grad.flatten() for name, p in twin.layer.named_parameters() if name.endswith("_l1")]
    assert value(watch, "gradient_norm", layer=1) == pytest.approx(torch.cat(own).norm().item(), rel=1e-12)


def test_accumulated_gradients_are_one_step():
    model = made("LSTM")
    twin = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with gradsuite.watch(model, every=1) as watch:
        for _ in range(2):
            for part in range(3):
                model(batch_of(model, seed=part)).square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()
    for part in range(3):
        twin(batch_of(model, seed=part)).square().mean().backward()
    expected = torch.cat([p.grad.flatten() for p in twin.parameters()]).norm().item()
    assert watch.steps == 2
    assert value(watch, "gradient_norm", module="", layer=-1, step=1) == pytest.approx(expected, rel=1e-12)


class Residual(nn.Module):
    def __init__(self, share):
        super().__init__()
        self.linear = nn.Linear(4, 4, dtype=torch.float64)
        self.share = share

    def forward(self, x):
        return self.share * x + 0 * self.linear(x)


def test_the_depth_of_blocks_is_a_depth_too():
    blocks = nn.ModuleList(Residual(0.5) for _ in range(16))
    model = nn.ModuleDict({"blocks": blocks})
    with gradsuite.watch(model) as watch:
        x = torch.ones(3, 4, dtype=torch.float64)
        for block in blocks:
            x = block(x)
        x.sum().backward()
        watch.step()
    assert value(watch, "depth_horizon", module="blocks", layer=-1) == pytest.approx(np.log2(1000), rel=1e-6)
    assert value(watch, "block_gradient", module="blocks", layer=15) == pytest.approx(np.sqrt(12), rel=1e-6)
    assert value(watch, "block_gradient", module="blocks", layer=0) == pytest.approx(np.sqrt(12) / 2**15, rel=1e-6)
