"""Networks that unroll over time: backpropagation through time (Werbos 1990), written by hand."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from gradsuite.backend import Gradients, Tape
from torch import Tensor

from gradsuite_torch.cell import TIME, Trace
from gradsuite_torch.layers import Layers
from gradsuite_torch.network import DeviceBatch, TorchNetwork


class Saved(NamedTuple):
    """What the backward pass reads."""

    batch: DeviceBatch
    traces: list[Trace]
    hidden: Tensor
    outputs: Tensor
    states: bool


class Recurrent(TorchNetwork):
    """A network of recurrent layers."""

    @torch.no_grad()
    def forward(self, batch: DeviceBatch, *, states: bool = False) -> Tape:
        """Run all layers over all steps and keep every state."""
        layers = Layers(self.model)
        weights = layers.weights(self.parameters)
        traces = layers.forward(batch.inputs, weights, layers.zeros(batch.inputs, weights))
        hidden = traces[-1].outputs if self.model.readout == "all" else traces[-1].last[0]
        loss, outputs = self.readout.forward(hidden, batch.targets, self.parameters)
        return Tape(loss, outputs, Saved(batch, traces, hidden, outputs, states))

    @torch.no_grad()
    def backward(self, tape: Tape) -> Gradients:
        """Go back through all layers and steps."""
        batch, traces, hidden, outputs, states = tape.saved
        tape.saved = None
        layers = Layers(self.model)
        gradient, parameters = self.readout.backward(hidden, outputs, batch.targets, self.parameters)
        top = layers.flow(traces[-1], direct=self.model.readout == "all")
        reached = without_start(top.dh) if top.direct else top.dh.select(TIME, -1)
        reached.copy_(gradient)
        by_layer, flows = layers.backward(traces, layers.weights(self.parameters), top)
        return Gradients(
            layers.by_name(by_layer) | parameters,
            states=over_layers([flow.dh for flow in flows]) if states else None,
            cell_states=over_layers([flow.dc for flow in flows if flow.dc is not None]) if states else None,
        )


def without_start(array: Tensor) -> Tensor:
    """Return (T + 1, B, H) without what is before the first step."""
    return array.narrow(TIME, 1, array.shape[TIME] - 1)


def over_layers(arrays: Sequence[Tensor]) -> Tensor | None:
    """Return the state gradients of all layers, (T, layers, B, H); None where there are none."""
    return torch.stack([without_start(array) for array in arrays], dim=-3) if arrays else None
