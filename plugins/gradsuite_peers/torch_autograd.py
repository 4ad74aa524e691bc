"""torch.nn's cells in a Python loop, whose states retain their gradients: how gradient flow is seen in PyTorch."""

from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version

import numpy as np
import torch
from array_api_compat import torch as array_api
from gradsuite.backend import Backend, BackendInfo, Gradients, Tape
from gradsuite.cells import Namespace, State, find
from gradsuite.model import ACTIVATIONS as MODEL_ACTIVATIONS
from gradsuite.model import CELLS, Model
from gradsuite.schedule import Schedule
from torch import Tensor, nn

from gradsuite_peers.torch_modules import ACTIVATIONS, DeviceBatch, ModuleNetwork, readout_parameters


class TorchAutograd(Backend):
    """A loop over cells with `retain_grad`."""

    name = "torch-autograd"

    def describe(self) -> BackendInfo:
        """Return versions, devices, dtypes and cells."""
        return BackendInfo(
            name=self.name,
            versions={"torch": version("torch")},
            devices=("cpu", "cuda") if torch.cuda.is_available() else ("cpu",),
            dtypes=("float64", "float32"),
            cells=CELLS,
            activations={**MODEL_ACTIVATIONS, "rnn": ("tanh", "relu")},
            features=("autodiff",),
            state_gradients=("states",),  # the cell returns h and c together: c.grad lacks what reaches c through h
        )

    def build(
        self,
        model: Model,
        parameters: Mapping[str, np.ndarray],
        *,
        device: str = "cpu",
        dtype: str = "float32",
        schedule: Schedule = Schedule(),
    ) -> ModuleNetwork:
        """Load host parameters into cells."""
        self.require(model, parameters, device, dtype, schedule)
        network = CellNetwork if model.cell in CELLS else EquationsNetwork
        return network(model, parameters, device=device, dtype=dtype)


class CellNetwork(ModuleNetwork):
    """One cell per layer, called once per step."""

    def make(self, model: Model) -> nn.Module:
        """Return the cells."""
        return nn.ModuleList(make_cell(model, layer) for layer in range(model.num_layers))

    def named(self, model: Model) -> dict[str, nn.Parameter]:
        """Return every parameter by name."""
        named = {}
        for name, parameter in self.modules.named_parameters():
            layer, kind = name.split(".", 1)
            named[f"{kind}_l{layer}" if model.recurrent else f"layers.{layer}.{kind.removeprefix('0.')}"] = parameter
        return named | readout_parameters(self.readout)

    def forward(self, batch: DeviceBatch, *, states: bool = False) -> Tape:
        """Loop over layers and steps."""
        layers, top = self.run(batch.inputs)
        if states:
            for h in (h for layer in layers for h in layer):
                h.retain_grad()
        outputs = self.readout(torch.stack(top) if self.model.readout == "all" else top[-1])
        loss = self.loss(outputs, batch.targets)
        return Tape(loss.detach(), outputs.detach(), (loss, layers, states))

    def backward(self, tape: Tape) -> Gradients:
        """Run autograd."""
        (loss, layers, states), tape.saved = tape.saved, None
        if not states:
            return Gradients(self.parameter_gradients(loss))
        for parameter in self.parameters.values():
            parameter.grad = None
        loss.backward()
        by_name = {name: zero_if_none(p) for name, p in self.parameters.items()}
        of_states = torch.stack([torch.stack([zero_if_none(h) for h in layer]) for layer in layers], dim=1)
        return Gradients(by_name, of_states if self.model.recurrent else of_states[0])

    def run(self, x: Tensor) -> tuple[list[list[Tensor]], list[Tensor]]:
        """Return each layer's states by step, and what the readout reads of the top layer."""
        layers = self.unroll(x) if self.model.recurrent else [[h] for h in self.feed(x)]
        return layers, layers[-1]

    def feed(self, h: Tensor) -> list[Tensor]:
        """Return each layer's activation."""
        activations = []
        for layer in self.cells():
            h = layer(h)
            activations.append(h)
        return activations

    def unroll(self, x: Tensor) -> list[list[Tensor]]:
        """Return each layer's states, step by step."""
        layers, sequence = [], list(x)
        for cell in self.cells():
            h = c = x.new_zeros(x.shape[1], self.model.hidden_size)
            states = []
            for x_t in sequence:
                if self.model.cell == "lstm":
                    h, c = cell(x_t, (h, c))
                else:
                    h = cell(x_t, h)
                states.append(h)
            layers.append(states)
            sequence = states
        return layers

    def cells(self) -> list[Callable[..., Tensor]]:
        """Return one callable per layer."""
        return list(self.modules.children())


class EquationsNetwork(CellNetwork):
    """A registered cell's equations, called once per step."""

    def make(self, model: Model) -> nn.Module:
        """Return the parameters of each layer."""
        shapes = [model.layer_parameters(layer) for layer in range(model.num_layers)]
        empty = [{name: nn.Parameter(torch.empty(p.shape)) for name, p in of_layer.items()} for of_layer in shapes]
        return nn.ModuleList(nn.ParameterDict(of_layer) for of_layer in empty)

    def run(self, x: Tensor) -> tuple[list[list[Tensor]], list[Tensor]]:
        """Return each layer's states by step, and the top layer's outputs."""
        cell, layers, sequence = find(self.model.cell), [], list(x) if self.model.recurrent else [x]
        for p in self.modules.children():
            marked: list[Tensor] = []
            xp = Namespace(array_api, FUNCTIONS, self.model.activation, partial(keep, marked, cell.states[0]))
            zeros = x.new_zeros(x.shape[-2], self.model.hidden_size)
            state: State = (zeros,) * len(cell.states) if cell.recurrent else ()
            outputs = []
            for x_t in sequence:
                state = xp.advance(cell, p, x_t, *state)
                outputs.append(cell.output(xp, p, x_t, *state))
            layers.append(marked)
            sequence = outputs
        return layers, sequence


FUNCTIONS = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid, "identity": lambda z: z}


def keep(marked: list[Tensor], wanted: str, name: str, value: Tensor) -> Tensor:
    """Add a state to those that are marked if it is the one that is wanted."""
    if name == wanted:
        marked.append(value)
    return value


def make_cell(model: Model, layer: int) -> nn.Module:
    """Return the module of one layer."""
    sizes = (model.layer_input_size(layer), model.hidden_size)
    if model.cell == "rnn":
        return nn.RNNCell(*sizes, nonlinearity=model.activation)
    if model.cell == "lstm":
        return nn.LSTMCell(*sizes)
    if model.cell == "gru":
        return nn.GRUCell(*sizes)
    return nn.Sequential(nn.Linear(*sizes), ACTIVATIONS[model.activation]())


def zero_if_none(tensor: Tensor) -> Tensor:
    """Return a tensor's gradient, or zeros where autograd leaves it out."""
    return torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
