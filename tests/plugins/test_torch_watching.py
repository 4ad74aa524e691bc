"""A watch over torch modules: what it reads off is what autograd has, and the training never knows."""

import copy
import warnings

import gradsuite
import numpy as np
import pytest
from gradsuite.errors import UserError

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn.utils.rnn import pack_padded_sequence  # noqa: E402
from torch.optim.optimizer import _global_optimizer_post_hooks  # noqa: E402

T, B, I, H = 24, 5, 3, 6  # noqa: E741


class Last(nn.Module):
    """Recurrent layers under a readout of their last output, of every one, or of their last state."""

    def __init__(self, layer, reads="last"):
        super().__init__()
        self.layer = layer
        self.reads = reads
        self.readout = nn.Linear(H * (2 if layer.bidirectional else 1), 2, dtype=layer.weight_ih_l0.dtype)

    def forward(self, x):
        outputs, states = self.layer(x)
        if self.reads == "state":
            h = states[0] if isinstance(states, tuple) else states
            return self.readout(torch.cat(list(h[-2:]), -1) if self.layer.bidirectional else h[-1])
        y = self.readout(outputs)
        if self.reads == "all":
            return y
        return y[:, -1] if self.layer.batch_first else y[-1]


def made(kind, *, reads="last", dtype=torch.float64, **options):
    torch.manual_seed(0)
    return Last(getattr(nn, kind)(I, H, dtype=dtype, **options), reads)


def batch_of(model, size=B, seed=1):
    source = torch.Generator().manual_seed(seed)
    shape = (size, T, I) if model.layer.batch_first else (T, size, I)
    return torch.randn(shape, generator=source, dtype=model.readout.weight.dtype)


def trained(model, steps, *, watch=None, batches=batch_of, clip=None, optimizer=None):
    """Train, and return the losses."""
    optimizer = optimizer or torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for step in range(steps):
        optimizer.zero_grad()
        loss = model(batches(model, seed=step)).square().mean()
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        losses.append(loss.item())
    return losses


def value(watch, metric, module="layer", layer=0, step=None):
    frame = watch.frame
    chosen = (frame["metric"] == metric) & (frame["module"] == module) & (frame["layer"] == layer)
    rows = frame[chosen & (frame["step"] == (frame["step"].max() if step is None else step))]
    (found,) = rows["value"]
    return found


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


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_training_is_the_same_to_the_bit(dtype):
    def bits(watched):
        model = nn.Sequential(
            made("LSTM", num_layers=2, dropout=0.3, dtype=dtype), nn.Dropout(0.2), nn.Linear(2, 2, dtype=dtype)
        )
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        losses = []
        with gradsuite.watch(model, every=2) if watched else warnings.catch_warnings():
            for step in range(7):
                optimizer.zero_grad()
                loss = model(batch_of(model[0], seed=step)).square().mean()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 0.5)
                optimizer.step()
                losses.append(loss.detach())
        return [*losses, *(p.detach() for p in model.parameters()), torch.get_rng_state()]

    for watched, alone in zip(bits(True), bits(False), strict=True):
        assert torch.equal(watched, alone)


def hooks(model):
    """Return how many hooks there are."""
    modules = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in model.modules())
    tensors = sum(len(p._post_accumulate_grad_hooks or {}) + len(p._backward_hooks or {}) for p in model.parameters())
    return modules + tensors + len(_global_optimizer_post_hooks)


def test_hooks_are_there_for_a_step_that_is_looked_at_and_gone_at_the_end():
    model = made("LSTM")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    counts = []
    with gradsuite.watch(model, every=4) as watch:
        for _ in range(8):
            counts.append(hooks(model))
            trained(model, 1, optimizer=optimizer)
    assert [count > 2 for count in counts] == [step in (1, 4, 8) for step in range(1, 9)]
    assert min(counts) == 2  # the optimizer's, and one on the module
    assert hooks(model) == 0
    assert watch.frame["step"].unique().tolist() == [1, 4, 8]


def test_hooks_are_gone_after_an_exception():
    model = made("LSTM")
    watch = gradsuite.watch(model)
    with pytest.raises(RuntimeError), watch:  # noqa: PT012  PyTorch's own; the watch has to see it pass
        model(batch_of(model)).square().mean().backward()
        model(torch.ones(T, B, I + 1, dtype=torch.float64))
    assert hooks(model) == 0


def test_steps_of_another_s_optimizer_do_not_count():
    model, other = made("LSTM"), made("LSTM")
    with gradsuite.watch(model) as watch:
        trained(other, 3)
        trained(model, 2)
    assert watch.steps == 2


def test_steps_counted_by_hand_are_not_counted_twice():
    model = made("LSTM")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with gradsuite.watch(model, every=1) as watch:
        for step in range(3):
            loss = model(batch_of(model, seed=step)).square().mean()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            watch.step(loss)
    assert watch.steps == 3
    assert value(watch, "loss", module="", layer=-1, step=3) == loss.item()


def test_evaluation_in_between_is_not_looked_at():
    model = made("LSTM")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with gradsuite.watch(model, every=1) as watch:
        model(batch_of(model)).square().mean().backward()
        model.eval()
        with torch.no_grad():
            model(torch.full_like(batch_of(model), torch.nan))
        model.train()
        optimizer.step()
    assert value(watch, "longest_horizon") == T - 1
    assert watch.alarms == []


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
