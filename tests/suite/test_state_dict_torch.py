"""A round trip through torch.nn modules: the same parameters, outputs and gradients."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gradsuite import state_dict  # noqa: E402  after the skip
from gradsuite.backend import Batch  # noqa: E402
from gradsuite.model import Model  # noqa: E402
from gradsuite.parameters import initialise  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

from tests import torch_twin  # noqa: E402

RNG = np.random.default_rng(0)


class Tagger(torch.nn.Module):
    """What a user would have: a recurrent core, a head on its last state, and something else."""

    def __init__(self, kind, width, hidden, outputs, layers):
        super().__init__()
        self.core = kind(width, hidden, layers, dtype=torch.float64)
        self.head = torch.nn.Linear(hidden, outputs, dtype=torch.float64)
        self.other = torch.nn.Linear(1, 1)

    def forward(self, inputs):
        return self.head(self.core(inputs)[0][-1])


@pytest.mark.parametrize(("cell", "kind"), [("rnn", torch.nn.RNN), ("lstm", torch.nn.LSTM), ("gru", torch.nn.GRU)])
def test_a_torch_module_and_the_model_read_from_it_agree(cell, kind):
    torch.manual_seed(0)
    module = Tagger(kind, 3, 5, 2, layers=2)
    model = Model(cell, 3, 5, 2, num_layers=2)
    batch = Batch(RNG.standard_normal((7, 4, 3)), RNG.standard_normal((4, 2)))
    outputs = module(torch.tensor(batch.inputs))
    torch.nn.functional.mse_loss(outputs, torch.tensor(batch.targets)).backward()

    parameters = state_dict.from_state_dict(model, module.state_dict(), prefix="core.", readout="head.")
    _, ours, gradients = torch_twin.loss_and_gradients(model, parameters, batch)
    np.testing.assert_allclose(ours, outputs.detach().numpy(), rtol=1e-13)
    named = state_dict.to_state_dict(model, gradients.parameters, prefix="core.", readout="head.")
    for name, gradient in named.items():
        np.testing.assert_allclose(gradient, module.get_parameter(name).grad.numpy(), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_model_s_parameters_load_into_torch_lstm_and_come_back(bidirectional):
    model = Model("lstm", 3, 5, num_layers=3, readout="none", bidirectional=bidirectional)
    parameters = initialise(model, seed=3)
    inputs, top = RNG.standard_normal((6, 2, 3)), RNG.standard_normal((6, 2, model.layer_output_size))
    module = torch.nn.LSTM(3, 5, 3, dtype=torch.float64, bidirectional=bidirectional)
    module.load_state_dict({name: torch.tensor(p) for name, p in state_dict.to_state_dict(model, parameters).items()})
    output, _ = module(torch.tensor(inputs))
    output.backward(torch.tensor(top))

    back = state_dict.from_state_dict(model, module.state_dict())
    assert all(back[name].tobytes() == parameters[name].tobytes() for name in parameters)
    expected, gradients = torch_twin.module_gradients(model, back, inputs, top)
    np.testing.assert_array_equal(output.detach().numpy(), expected)
    for name, gradient in gradients.items():
        np.testing.assert_array_equal(module.get_parameter(name).grad.numpy(), gradient)


@pytest.mark.parametrize(
    ("activation", "layer"), [("tanh", torch.nn.Tanh), ("relu", torch.nn.ReLU), ("sigmoid", torch.nn.Sigmoid)]
)
def test_a_sequential_and_the_mlp_read_from_it_agree(activation, layer):
    torch.manual_seed(1)
    linear = torch.nn.Linear
    module = torch.nn.Sequential(linear(3, 4), layer(), linear(4, 4), layer(), linear(4, 2)).double()
    model = Model("mlp", 3, 4, 2, num_layers=2, activation=activation)
    batch = Batch(RNG.standard_normal((5, 3)), RNG.standard_normal((5, 2)))
    parameters = state_dict.from_state_dict(model, module.state_dict())
    _, ours, _ = torch_twin.loss_and_gradients(model, parameters, batch)
    np.testing.assert_allclose(ours, module(torch.tensor(batch.inputs)).detach().numpy(), rtol=1e-13)
    state = {name: torch.tensor(p) for name, p in state_dict.to_state_dict(model, initialise(model)).items()}
    assert str(module.load_state_dict(state)) == "<All keys matched successfully>"


def test_half_precision_and_tensors_that_want_gradients_are_read():
    module = torch.nn.GRU(2, 3).bfloat16()
    parameters = state_dict.from_state_dict(Model("gru", 2, 3, readout="none"), dict(module.named_parameters()))
    for name, tensor in module.named_parameters():
        np.testing.assert_array_equal(parameters[name], tensor.detach().double().numpy())


def test_torch_reads_what_is_saved_and_the_other_way_round(tmp_path):
    model = Model("lstm", 2, 3, readout="none")
    module = torch.nn.LSTM(2, 3)
    save_file(module.state_dict(), tmp_path / "theirs.safetensors")
    parameters = state_dict.load(tmp_path / "theirs.safetensors", model)
    state_dict.save(tmp_path / "ours.safetensors", model, parameters)
    fresh = torch.nn.LSTM(2, 3)
    fresh.load_state_dict(load_file(tmp_path / "ours.safetensors"))
    for name, tensor in module.state_dict().items():
        assert torch.equal(fresh.state_dict()[name], tensor)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_files_in_every_precision_are_read(dtype, tmp_path):
    state = torch.nn.LSTM(2, 3, dtype=dtype).state_dict()
    save_file({**state, "other.steps": torch.tensor(3)}, tmp_path / "model.safetensors")
    parameters = state_dict.load(tmp_path / "model.safetensors", Model("lstm", 2, 3, readout="none"))
    for name, tensor in state.items():
        np.testing.assert_array_equal(parameters[name], tensor.double().numpy())
