"""Networks that unroll over time: backpropagation through time (Werbos 1990)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from gradsuite.backend import Gradients, Tape
from gradsuite.model import Model
from torch import Tensor

from gradsuite_torch.layers import Layers, together
from gradsuite_torch.network import DeviceBatch, TorchNetwork
from gradsuite_torch.room import Room
from gradsuite_torch.route import Route
from gradsuite_torch.trace import Trace


class Saved(NamedTuple):
    """What the backward pass reads; `hidden` holds what the readout reads, `route` is that of the traces."""

    batch: DeviceBatch
    route: Route
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
        self.top = model.num_layers - 1

    @torch.no_grad()
    def forward(self, batch: DeviceBatch, *, states: bool = False) -> Tape:
        """Run all layers over all steps and keep what the backward pass needs."""
        traces, route = self.unroll(batch)
        top = self.layers.top(traces)
        if self.model.readout == "all":
            hidden = route.up(top, self.top)
        else:
            hidden = route.up_last([route.last(trace)[0] for trace in top], self.top)
        outputs = self.readout.outputs(hidden, self.parameters, batch.padding)
        loss = self.readout.loss(outputs, batch.targets, batch.padding)
        last = None if batch.state is None else together([route.last(trace) for trace in traces])
        return Tape(
            loss, outputs, Saved(batch, route, traces, hidden, outputs, states, self.parameters), last_state=last
        )

    @torch.no_grad()
    def backward(self, tape: Tape) -> Gradients:
        """Go back through all layers and steps."""
        saved: Saved = tape.saved
        tape.saved = None
        gradient = self.readout.loss_gradient(saved.outputs, saved.batch.targets, saved.batch.padding)
        gradient, of_readout = self.readout.pull_back(saved.hidden, gradient, saved.parameters)
        if self.model.readout == "all":
            reached = saved.route.down(gradient, self.top)
        else:
            reached = [saved.route.at_last(part) for part in saved.route.down_last(gradient, self.top)]
        gradients = self.flow_back(saved, reached)
        gradients.parameters = {**gradients.parameters, **of_readout}
        return gradients

    def unroll(self, batch: DeviceBatch) -> tuple[list[Trace], Route]:
        """Return each layer's trace, and the route of the steps that are traced."""
        weights, route = self.layers.weights(self.parameters), Route.of(self.model, batch)
        return self.layers.forward(batch.inputs, weights, self.layers.start(batch, weights), route), route

    def flow_back(self, saved: Saved, reached: Sequence[Tensor]) -> Gradients:
        """Return the gradients by the layers' weights, their states if asked for, and their first states if given.

        `reached` (k, B, H) is what the readout sends back to the last k states of each of the top layer's directions.
        """
        weights = self.layers.weights(saved.parameters)
        by_layer = self.layers.new_gradients(weights)
        flows = self.layers.backward(saved.traces, weights, reached, by_layer, saved.route)
        initial = None if saved.batch.state is None else together([flow.start for flow in flows])
        self.layers.release(saved.traces, () if saved.states else flows)
        of_states = self.layers.hand_over(flows, saved.route) if saved.states else []
        return Gradients(self.layers.by_name(by_layer), *of_states, initial_state=initial)
