"""PyTorch's fused LSTM kernel (oneDNN's): with autograd through it, fastest if no state gradients are asked for.

With state gradients the kernel runs forward alone, and the way back is by hand.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from gradsuite.backend import Gradients, Tape
from gradsuite.model import Model, is_stacked
from torch import Tensor
from torch.nn import functional

from gradsuite_torch.fused_lstm import FusedLstm
from gradsuite_torch.losses import loss
from gradsuite_torch.network import DeviceBatch
from gradsuite_torch.products import ONEDNN
from gradsuite_torch.recurrent import Recurrent
from gradsuite_torch.trace import TIME


class Graph(NamedTuple):
    """What autograd differentiates: the loss, and the leaves by parameter name."""

    loss: Tensor
    leaves: dict[str, Tensor]


class Fused(Recurrent):
    """An LSTM that the kernel runs as a whole; layer by layer, and back by hand, with state gradients."""

    def __init__(self, model: Model, parameters: Mapping[str, Tensor], *, device: str, dtype: str) -> None:
        super().__init__(model, parameters, device=device, dtype=dtype)
        self.layers.cell = FusedLstm(self.layers.room)

    @staticmethod
    def fits(model: Model, parameters: Mapping[str, Tensor]) -> bool:
        """Return whether the kernel can run this model: an LSTM in float32 on the CPU, and no stack."""
        if not ONEDNN or model.cell != "lstm" or is_stacked(model, parameters):
            return False
        weight = parameters["weight_hh_l0"]
        return weight.is_cpu and weight.dtype == torch.float32

    def forward(self, batch: DeviceBatch, *, states: bool = False) -> Tape:
        """Run all layers, the readout and the loss under autograd; by hand what the kernel does not give."""
        if states or self.model.bidirectional or batch.state is not None or batch.masks is not None:
            return super().forward(batch, states=states)
        padding = batch.padding
        with torch.enable_grad():
            leaves = {name: p.detach().requires_grad_() for name, p in self.parameters.items()}
            top = self.run(batch.inputs, leaves)
            if self.model.readout == "all":
                hidden = top if padding is None else padding.pack(top)
            else:
                hidden = top.select(TIME, -1) if padding is None else padding.last(top)
            outputs = hidden
            if self.model.readout != "none":
                outputs = functional.linear(hidden, leaves["readout.weight"], leaves["readout.bias"])
            value = loss(self.model.loss, outputs, batch.targets, outputs.dim())
        outputs = outputs.detach()
        if padding is not None and self.model.readout == "all":
            outputs = padding.unpack(outputs)
        return Tape(value.detach(), outputs, Graph(value, leaves))

    def backward(self, tape: Tape) -> Gradients:
        """Run autograd."""
        if not isinstance(tape.saved, Graph):
            return super().backward(tape)
        (value, leaves), tape.saved = tape.saved, None
        return Gradients(dict(zip(leaves, torch.autograd.grad(value, [*leaves.values()]), strict=True)))

    def run(self, x: Tensor, leaves: Mapping[str, Tensor]) -> Tensor:
        """Return the top layer's states (T, B, H) for x (T, B, I), starting from zero states."""
        weights = [w for layer in self.layers.weights(leaves) for w in layer]
        zero = x.new_zeros(self.model.num_layers, x.shape[1], self.model.hidden_size)
        return torch.lstm(x, (zero, zero), weights, True, self.model.num_layers, 0.0, True, False, False)[0]
