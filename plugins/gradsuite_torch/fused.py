"""PyTorch's fused LSTM kernel (oneDNN's), and autograd through it: fastest if no state gradients are asked for.

With state gradients it is fastest for few units and examples, where the 13 calls from Python of a step by hand cost
more than its arithmetic.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from gradsuite.backend import Gradients, Tape
from gradsuite.model import Model, is_stacked
from torch import Tensor
from torch.nn import functional

from gradsuite_torch.fused_states import Layer, run, state_gradients
from gradsuite_torch.losses import loss
from gradsuite_torch.network import DeviceBatch
from gradsuite_torch.products import ONEDNN
from gradsuite_torch.recurrent import Recurrent
from gradsuite_torch.trace import TIME

# Largest B H^2 for which the kernel's products with zeros cost less than the calls of a step by hand, about 30 us.
SMALL = 2**16


class Graph(NamedTuple):
    """What autograd differentiates: the loss, the leaves by parameter name, the layers if they were run one by one."""

    loss: Tensor
    leaves: dict[str, Tensor]
    layers: list[Layer]


class Fused(Recurrent):
    """An LSTM that the kernel runs as a whole; with state gradients, layer by layer, or by hand if it is large."""

    @staticmethod
    def fits(model: Model, parameters: Mapping[str, Tensor]) -> bool:
        """Return whether the kernel can run this model: an LSTM in float32 on the CPU, and no stack."""
        if not ONEDNN or model.cell != "lstm" or is_stacked(model, parameters):
            return False
        weight = parameters["weight_hh_l0"]
        return weight.is_cpu and weight.dtype == torch.float32

    def forward(self, batch: DeviceBatch, *, states: bool = False) -> Tape:
        """Run all layers, the readout and the loss under autograd."""
        if states and batch.inputs.shape[-2] * self.model.hidden_size**2 > SMALL:
            return super().forward(batch, states=True)
        with torch.enable_grad():
            leaves = {name: p.detach().requires_grad_() for name, p in self.parameters.items()}
            layers = self.run_each(batch.inputs, leaves) if states else []
            top = layers[-1].h if layers else self.run(batch.inputs, leaves)
            hidden = top if self.model.readout == "all" else top.select(TIME, -1)
            outputs = hidden
            if self.model.readout != "none":
                outputs = functional.linear(hidden, leaves["readout.weight"], leaves["readout.bias"])
            value = loss(self.model.loss, outputs, batch.targets, outputs.dim())
        return Tape(value.detach(), outputs.detach(), Graph(value, leaves, layers))

    def backward(self, tape: Tape) -> Gradients:
        """Run autograd."""
        if not isinstance(tape.saved, Graph):
            return super().backward(tape)
        (value, leaves, layers), tape.saved = tape.saved, None
        wanted = [*leaves.values(), *(layer.h for layer in layers), *(layer.zeros for layer in layers)]
        gradients = torch.autograd.grad(value, wanted)
        of_states = self.of_states(layers, leaves, gradients[len(leaves) :]) if layers else []
        return Gradients(dict(zip(leaves, gradients, strict=False)), *of_states)

    def of_states(
        self, layers: Sequence[Layer], leaves: Mapping[str, Tensor], gradients: Sequence[Tensor]
    ) -> list[Tensor]:
        """Return dL/dh and dL/dc (T, layers, B, H), from the gradients of all layers' h, then of all their zeros."""
        direct, by_zeros = gradients[: len(layers)], gradients[len(layers) :]
        weights = self.layers.weights(leaves)
        by_layer = [state_gradients(*each) for each in zip(layers, weights, direct, by_zeros, strict=True)]
        return [torch.stack(arrays, dim=TIME) for arrays in zip(*by_layer, strict=True)]

    def run_each(self, x: Tensor, leaves: Mapping[str, Tensor]) -> list[Layer]:
        """Run each layer over x (T, B, I) or over the states of the layer below, and return them all."""
        layers: list[Layer] = []
        for weights in self.layers.weights(leaves):
            layers.append(run(layers[-1].h if layers else x, weights))
        return layers

    def run(self, x: Tensor, leaves: Mapping[str, Tensor]) -> Tensor:
        """Return the top layer's states (T, B, H) for x (T, B, I), starting from zero states."""
        weights = [w for layer in self.layers.weights(leaves) for w in layer]
        zero = x.new_zeros(self.model.num_layers, x.shape[1], self.model.hidden_size)
        return torch.lstm(x, (zero, zero), weights, True, self.model.num_layers, 0.0, True, False, False)[0]
