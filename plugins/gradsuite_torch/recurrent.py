"""Networks that unroll over time: backpropagation through time (Werbos 1990)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from gradsuite.backend import Gradients, Tape
from gradsuite.model import Model
from torch import Tensor

from gradsuite_torch.layers import Layers
from gradsuite_torch.network import DeviceBatch, TorchNetwork
from gradsuite_torch.room import Room
from gradsuite_torch.trace import TIME, Trace, Weights


class Saved(NamedTuple):
    """What the backward pass reads; `hidden` holds the states that the readout reads."""

    batch: DeviceBatch
    traces: list[Trace]
    hidden: Tensor
    outputs: Tensor
    states: bool
    parameters: Mapping[str, Tensor]


class Recurrent(TorchNetwork):
    """A network of recurrent layers."""

    def __init__(self, model: Model, parameters: Mapping[str, Tensor], *, device: str, dtype: str) -> None:
        super().__init__(model, parameters, device=device, dtype=dtype)
        self.layers = Layers(model, Room(getattr(torch, dtype), device))

    @torch.no_grad()
    def forward(self, batch: DeviceBatch, *, states: bool = False) -> Tape:
        """Run all layers over all steps and keep what the backward pass needs."""
        traces, top = self.unroll(batch.inputs)
        hidden = top if self.model.readout == "all" else top.select(TIME, -1)
        outputs = self.readout.outputs(hidden, self.parameters)
        loss = self.readout.loss(outputs, batch.targets)
        return Tape(loss, outputs, Saved(batch, traces, hidden, outputs, states, self.parameters))

    @torch.no_grad()
    def backward(self, tape: Tape) -> Gradients:
        """Go back through all layers and steps."""
        batch, traces, hidden, outputs, states, parameters = tape.saved
        tape.saved = None
        gradient = self.readout.loss_gradient(outputs, batch.targets)
        gradient, gradients = self.readout.pull_back(hidden, gradient, parameters)
        reached = gradient if self.model.readout == "all" else gradient.unsqueeze(TIME)
        by_layer, of_states = self.flow_back(traces, reached, batch.inputs.shape[TIME], parameters, states=states)
        return Gradients(self.layers.by_name(by_layer) | gradients, *of_states)

    def unroll(self, x: Tensor) -> tuple[list[Trace], Tensor]:
        """Return each layer's trace, and the top layer's states (T, B, H)."""
        weights = self.layers.weights(self.parameters)
        traces = self.layers.forward(x, weights, self.layers.zeros(x, weights))
        return traces, traces[-1].outputs

    def flow_back(
        self,
        traces: Sequence[Trace],
        gradient: Tensor,
        steps: int,
        parameters: Mapping[str, Tensor],
        *,
        states: bool,
    ) -> tuple[list[Weights], list[Tensor]]:
        """Return each layer's weight gradients, and if `states` dL/dh and dL/dc, (T, layers, B, H).

        `gradient` (k, B, H) is what the readout sends back to the last k of the top layer's `steps` states.
        """
        weights = self.layers.weights(parameters)
        by_layer = self.layers.new_gradients(weights)
        flows = self.layers.backward(traces, weights, self.layers.top_flow(traces[-1], gradient), by_layer)
        self.layers.release(traces, () if states else flows)
        return by_layer, self.layers.hand_over(flows) if states else []
