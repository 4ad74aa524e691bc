"""PyTorch's fused LSTM kernel (oneDNN's), and autograd through it: fastest where nobody asks for state gradients."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from gradsuite.backend import Gradients, Tape
from gradsuite.model import Model
from torch import Tensor
from torch.nn import functional

from gradsuite_torch.losses import loss
from gradsuite_torch.network import DeviceBatch
from gradsuite_torch.products import ONEDNN
from gradsuite_torch.recurrent import Recurrent
from gradsuite_torch.trace import TIME


class Graph(NamedTuple):
    """What autograd goes back through: the loss, and the leaves by parameter's name."""

    loss: Tensor
    leaves: dict[str, Tensor]


class Fused(Recurrent):
    """An LSTM that PyTorch's kernel runs as a whole; with state gradients it is unrolled by hand."""

    @staticmethod
    def fits(model: Model, parameters: Mapping[str, Tensor]) -> bool:
        """Return whether the kernel can run this model: no stacks, float32 on the CPU."""
        weight = parameters["weight_hh_l0"] if model.cell == "lstm" else None
        return ONEDNN and weight is not None and weight.dim() == 2 and weight.is_cpu and weight.dtype == torch.float32

    def forward(self, batch: DeviceBatch, *, states: bool = False) -> Tape:
        """Run all layers, the readout and the loss under autograd."""
        if states:
            return super().forward(batch, states=True)
        with torch.enable_grad():
            leaves = {name: p.detach().requires_grad_() for name, p in self.parameters.items()}
            top = self.run(batch.inputs, leaves)
            hidden = top if self.model.readout == "all" else top.select(TIME, -1)
            outputs = hidden
            if self.model.readout != "none":
                outputs = functional.linear(hidden, leaves["readout.weight"], leaves["readout.bias"])
            found = loss(self.model.loss, outputs, batch.targets, outputs.dim())
        return Tape(found.detach(), outputs.detach(), Graph(found, leaves))

    def backward(self, tape: Tape) -> Gradients:
        """Let autograd go back."""
        if not isinstance(tape.saved, Graph):
            return super().backward(tape)
        (found, leaves), tape.saved = tape.saved, None
        return Gradients(dict(zip(leaves, torch.autograd.grad(found, list(leaves.values())), strict=True)))

    def run(self, x: Tensor, leaves: Mapping[str, Tensor]) -> Tensor:
        """Return the top layer's states (T, B, H) for x (T, B, I), from zero states on."""
        weights = [w for layer in self.layers.weights(leaves) for w in layer]
        zero = x.new_zeros(self.model.num_layers, x.shape[1], self.model.hidden_size)
        return torch.lstm(x, (zero, zero), weights, True, self.model.num_layers, 0.0, True, False, False)[0]
