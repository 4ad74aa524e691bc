"""torch.nn.RNN, LSTM, GRU and Sequential with autograd."""

from collections.abc import Mapping
from importlib.metadata import version
from itertools import product
from typing import ClassVar

import numpy as np
import torch
from gradsuite.backend import Backend, BackendInfo, Gradients, Tape
from gradsuite.model import ACTIVATIONS as MODEL_ACTIVATIONS
from gradsuite.model import CELLS, Model
from gradsuite.schedule import Schedule
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

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
            features=("lengths", "state", "bidirectional"),
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
    """One module for all layers; sequences of several lengths are packed for it."""

    batch_features: ClassVar[tuple[str, ...]] = ("lengths", "state")

    def make(self, model: Model) -> nn.Module:
        """Return the module of all layers."""
        sizes = (model.input_size, model.hidden_size, model.num_layers)
        if model.cell == "rnn":
            return nn.RNN(*sizes, nonlinearity=model.activation, bidirectional=model.bidirectional)
        if model.cell == "lstm":
            return nn.LSTM(*sizes, bidirectional=model.bidirectional)
        if model.cell == "gru":
            return nn.GRU(*sizes, bidirectional=model.bidirectional)
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
        start = () if batch.state is None else tuple(kind.detach().requires_grad_() for kind in batch.state)
        if self.model.recurrent:
            hidden, last = self.unroll(batch, start)
        else:
            hidden, last = self.modules(batch.inputs), ()
        outputs = counted = self.readout(hidden)
        if batch.valid is not None and self.model.readout == "all":
            outputs, counted = outputs.masked_fill(~batch.valid.unsqueeze(-1), 0), outputs[batch.valid]
        loss = self.loss(counted, batch.targets)
        last_state = tuple(kind.detach() for kind in last) if start else None
        return Tape(loss.detach(), outputs.detach(), (loss, start), last_state=last_state)

    def unroll(self, batch: DeviceBatch, start: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return what the readout reads, and the states after the last step."""
        x, lengths, model = batch.inputs, batch.lengths, self.model
        hx = (start if model.cell == "lstm" else start[0]) if start else None
        top, last = self.modules(x if lengths is None else pack_padded_sequence(x, lengths, enforce_sorted=False), hx)
        last = last if model.cell == "lstm" else (last,)
        if model.readout == "all":
            padded = top if lengths is None else pad_packed_sequence(top, total_length=len(batch.inputs))[0]
            return padded, last
        if lengths is None and not model.bidirectional:
            return top[-1], last
        return torch.cat([*last[0][-model.directions :]], -1), last  # the backward direction's is not at the last step

    def backward(self, tape: Tape) -> Gradients:
        """Run autograd."""
        (loss, start), tape.saved = tape.saved, None
        parameters, initial = self.gradients(loss, start)
        return Gradients(parameters, initial_state=initial or None)
