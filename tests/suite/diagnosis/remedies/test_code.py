"""What a remedy says to type in PyTorch, typed: it makes the initialisation that the remedy was tried with."""

from types import SimpleNamespace

import gradsuite
import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.cells import find
from gradsuite.diagnosis.remedies import default, remedies
from gradsuite.model import GATES
from gradsuite.parameters import KEEP_GATE, initialise

from tests.suite.diagnosis.patients import model_of

torch = pytest.importorskip("torch")

MODULES = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
KINDS = [("rnn", "tanh"), ("rnn", "relu"), ("lstm", "tanh"), ("gru", "tanh")]
LONGEST = 50


def found(cell, activation="tanh", **sizes):
    model = model_of(cell, activation=activation, layers=2, **sizes)
    return model, {remedy.name: remedy for remedy in remedies(model, LONGEST)}


def module_of(model):
    kind = {"nonlinearity": model.activation} if model.cell == "rnn" else {}
    shape = model.input_size, model.hidden_size, model.num_layers
    return MODULES[model.cell](*shape, bidirectional=model.bidirectional, **kind).double()


def typed(model, remedy):
    """Return PyTorch's layer before and after, as arrays, and what was typed."""
    rnn = module_of(model)
    before = {name: value.detach().numpy().copy() for name, value in rnn.named_parameters()}
    names = {"torch": torch, "rnn": rnn}
    exec(remedy.code, names)
    after = {name: value.detach().numpy() for name, value in names["rnn"].named_parameters()}
    return before, after, SimpleNamespace(**names)


def blocks(model, parameters, kind):
    """Return the gates' blocks (gates, H, ...) of every parameter of a kind."""
    return [np.split(value, GATES[model.cell]) for name, value in parameters.items() if kind in name]


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_bias_of_1(cell, bidirectional):
    model, tried = found(cell, bidirectional=bidirectional)
    name = next(one for one in tried if one.endswith("bias of 1"))
    before, after, _ = typed(model, tried[name])
    drawn, keep = tried[name].draw(0), KEEP_GATE[cell]
    for parameter, value in after.items():
        both = np.split(value, GATES[cell]), np.split(before[parameter], GATES[cell])
        for gate, (now, then) in enumerate(zip(*both, strict=True)):
            if "bias" in parameter and gate == keep:
                np.testing.assert_array_equal(now, np.split(drawn[parameter], GATES[cell])[gate])
            else:
                np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_chrono(cell):
    model, tried = found(cell)
    remedy = tried[f"chrono biases, T_max {LONGEST}"]
    _, after, _ = typed(model, remedy)
    for parameters in (after, remedy.draw(0)):
        for first, second in zip(
            blocks(model, parameters, "bias_ih"), blocks(model, parameters, "bias_hh"), strict=True
        ):
            keep = first[KEEP_GATE[cell]]
            assert keep.min() >= 0  # ln U(1, T_max - 1)
            assert keep.max() <= np.log(LONGEST - 1)
            assert keep.std() > 0.1
            assert not second[KEEP_GATE[cell]].any()
            if cell == "lstm":
                np.testing.assert_array_equal(first[0], -keep)
                assert not second[0].any()


@pytest.mark.parametrize(("cell", "activation"), KINDS)
@pytest.mark.parametrize(
    ("name", "is_so"),
    [
        ("orthogonal recurrent weights", lambda block: np.allclose(block @ block.T, np.eye(len(block)), atol=1e-12)),
        (
            "recurrent weights of spectral radius 1",
            lambda block: abs(abs(np.linalg.eigvals(block)).max() - 1) < 1e-12,
        ),
        ("identity recurrent weights", lambda block: (block == np.eye(len(block))).all()),
    ],
)
def test_recurrent_weights(cell, activation, name, is_so):
    model, tried = found(cell, activation)
    if name not in tried:
        assert (name, activation) == ("identity recurrent weights", "tanh")
        return
    before, after, _ = typed(model, tried[name])
    for parameters in (after, tried[name].draw(0)):
        recurrent = blocks(model, parameters, "weight_hh")
        assert len(recurrent) == 2
        assert all(is_so(block) for one in recurrent for block in one)
    others = {parameter for parameter in after if "weight_hh" not in parameter}
    assert all((after[parameter] == before[parameter]).all() for parameter in others)


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_a_step_with_layer_normalisation_is_the_suites(cell):
    model, tried = found(cell)
    remedy = tried["layer normalisation"]
    _, after, names = typed(model, remedy)
    for norm in (one for name, one in vars(names).items() if name.startswith("norm")):
        norm.double()
    x = torch.randn(3, 5, model.input_size, dtype=torch.float64)
    zeros = torch.zeros(5, model.hidden_size, dtype=torch.float64)
    state, outputs = (zeros,) * len(find(cell).states), []
    for one in x:
        new = names.step(one, *state)
        state = new if isinstance(new, tuple) else (new,)
        outputs.append(state[0].detach().numpy())
    alone = default(model_of(remedy.model.cell))
    parameters = alone.draw(0)
    for name in parameters:
        given = {"bias_l0": "bias_ih_l0"}.get(name, name)
        if given in after:
            parameters[name] = after[given]
    parameters |= {"readout.weight": np.eye(model.hidden_size), "readout.bias": np.zeros(model.hidden_size)}
    network = gradsuite.backend("torch").build(alone.model, parameters, dtype="float64")
    targets = np.zeros((3, 5, model.hidden_size))
    expected = network.fetch(network.forward(network.put(Batch(x.numpy(), targets))).outputs)
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_another_layer_has_the_parameters_of_its_model(bidirectional):
    model, tried = found("rnn", bidirectional=bidirectional)
    for name in ("a GRU in its place", "an LSTM with a forget bias of 1"):
        _, after, names = typed(model, tried[name])
        assert isinstance(names.rnn, MODULES[tried[name].model.cell])
        shapes = {one: value.shape for one, value in tried[name].draw(0).items() if not one.startswith("readout.")}
        assert {one: value.shape for one, value in after.items()} == shapes
        if "LSTM" in name:
            assert all((one[1] == 1).all() for one in blocks(tried[name].model, after, "bias_ih"))


def test_the_default_is_pytorchs():
    model = model_of("lstm")
    drawn, expected = default(model).draw(3), initialise(model, seed=3)
    assert all((drawn[name] == expected[name]).all() for name in expected)
