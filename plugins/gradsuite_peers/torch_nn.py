"""torch.nn.RNN, LSTM, GRU and Sequential with autograd."""

from collections.abc import Mapping
from importlib.metadata import version
from itertools import product

import numpy as np
import torch
from gradsuite.backend import Backend, BackendInfo, Gradients, Tape
from gradsuite.model import ACTIVATIONS as MODEL_ACTIVATIONS
from gradsuite.model import CELLS, Model
from gradsuite.schedule import Schedule
from torch import nn

from gradsuite_peers.refusal import refuse_states
from gradsuite_peers.torch_modules import ACTIVATIONS, DeviceBatch, ModuleNetwork, readout_parameters


class TorchNn(Backend):
    """PyTorch's modules, as its tutorials use them."""

    name = "torch-nn"

    def describe(self) -> BackendInfo:
        """Return versions, devices, dtypes and cells."""
        return BackendInfo(
            name=self.name,
            versions={"torch": version("torch")},
            devices=("cpu", "cuda") if torch.cuda.is_available() else ("cpu",),
            dtypes=("float64", "float32"),
            cells=CELLS,
            activations={**MODEL_ACTIVATIONS, "rnn": ("tanh", "relu")},
            state_gradients=(),
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
        """Load host parameters into modules."""
        self.require(model, parameters, device, dtype, schedule)
        return TorchNnNetwork(model, parameters, device=device, dtype=dtype)


class TorchNnNetwork(ModuleNetwork):
    """One module for all layers."""

    def make(self, model: Model) -> nn.Module:
        """Return the module of all layers."""
        sizes = (model.input_size, model.hidden_size, model.num_layers)
        if model.cell == "rnn":
            return nn.RNN(*sizes, nonlinearity=model.activation)
        if model.cell == "lstm":
            return nn.LSTM(*sizes)
        if model.cell == "gru":
            return nn.GRU(*sizes)
        layers = []
        for layer in range(model.num_layers):
            layers += [nn.Linear(model.layer_input_size(layer), model.hidden_size), ACTIVATIONS[model.activation]()]
        return nn.Sequential(*layers)

    def named(self, model: Model) -> dict[str, nn.Parameter]:
        """Return every parameter by name; in a Sequential, layer l is module 2 l."""
        named = dict(self.modules.named_parameters())
        if not model.recurrent:
            kinds = product(range(model.num_layers), ("weight", "bias"))
            named = {f"layers.{layer}.{kind}": named[f"{2 * layer}.{kind}"] for layer, kind in kinds}
        return named | readout_parameters(self.readout)

    def forward(self, batch: DeviceBatch, *, states: bool = False) -> Tape:
        """Call the modules."""
        refuse_states(states, "torch-nn")
        hidden = self.modules(batch.inputs)
        if self.model.recurrent:
            hidden = hidden[0] if self.model.readout == "all" else hidden[0][-1]
        outputs = self.readout(hidden)
        loss = self.loss(outputs, batch.targets)
        return Tape(loss.detach(), outputs.detach(), (loss,))

    def backward(self, tape: Tape) -> Gradients:
        """Run autograd."""
        (loss,), tape.saved = tape.saved, None
        return Gradients(self.parameter_gradients(loss))
