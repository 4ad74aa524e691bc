"""The multilayer perceptron: h^l = phi(W^l h^(l-1) + b^l), and backpropagation (Rumelhart, Hinton & Williams 1986)."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from gradsuite.backend import Gradients, Tape
from torch import Tensor

from gradsuite_torch.activations import activate, pull_back
from gradsuite_torch.network import DeviceBatch, TorchNetwork
from gradsuite_torch.products import affine, product, weight_gradient


class Saved(NamedTuple):
    """What the backward pass reads: each layer's activation `h`, and `x`, what layers and the readout read."""

    batch: DeviceBatch
    h: list[Tensor]
    x: list[Tensor]
    outputs: Tensor
    states: bool
    parameters: Mapping[str, Tensor]


class Mlp(TorchNetwork):
    """A feed-forward network."""

    @torch.no_grad()
    def forward(self, batch: DeviceBatch, *, states: bool = False) -> Tape:
        """Run all layers and keep every activation."""
        h: list[Tensor] = []
        x, parameters = [batch.inputs], self.parameters
        for layer in range(self.model.num_layers):
            z = affine(x[-1], parameters[f"layers.{layer}.weight"], parameters[f"layers.{layer}.bias"])
            h.append(activate(self.model.activation, z, z))
            x.append(h[-1] if batch.masks is None else h[-1] * batch.masks[layer])
        outputs = self.readout.outputs(x[-1], parameters)
        return Tape(self.readout.loss(outputs, batch.targets), outputs, Saved(batch, h, x, outputs, states, parameters))

    @torch.no_grad()
    def backward(self, tape: Tape) -> Gradients:
        """dL/dz^l = phi'(z^l) dL/dh^l, dL/dW^l = dL/dz^l h^(l-1)^T, dL/dh^(l-1) = W^l^T dL/dz^l."""
        batch, h, x, outputs, states, parameters = tape.saved
        tape.saved = None
        gradient = self.readout.loss_gradient(outputs, batch.targets)
        dh, gradients = self.readout.pull_back(x[-1], gradient, parameters)
        if batch.masks is not None:
            dh = dh * batch.masks[-1]
        flow = self.room(dh) if states else None
        for layer in reversed(range(self.model.num_layers)):
            dz = pull_back(self.model.activation, dh, h[layer], torch.empty_like(dh))
            gradients[f"layers.{layer}.weight"] = weight_gradient(dz, x[layer])
            gradients[f"layers.{layer}.bias"] = dz.sum(-2)
            if layer > 0:
                below = None if flow is None else flow.select(-3, layer - 1)
                dh = product(dz, parameters[f"layers.{layer}.weight"], below)
                if batch.masks is not None:
                    dh.mul_(batch.masks[layer - 1])
        return Gradients(gradients, flow)

    def room(self, top: Tensor) -> Tensor:
        """Return an array for the gradients of all layers, (layers, B, H), with that of the top layer set."""
        flow = top.new_empty(*top.shape[:-2], self.model.num_layers, *top.shape[-2:])
        flow.select(-3, -1).copy_(top)
        return flow
