"""BPTT in little memory: the states of every n-th step are kept, the others computed again (Chen et al. 2016)."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from gradsuite.backend import Gradients, Tape
from gradsuite.model import Model
from torch import Tensor

from gradsuite_torch.layers import over_layers, together
from gradsuite_torch.network import DeviceBatch
from gradsuite_torch.recurrent import Recurrent
from gradsuite_torch.route import Route
from gradsuite_torch.trace import TIME, States


class Saved(NamedTuple):
    """What the backward pass reads; `starts` holds each layer's states before each segment, and after the last."""

    batch: DeviceBatch
    starts: list[list[States]]
    outputs: Tensor
    states: bool
    parameters: Mapping[str, Tensor]


class Checkpointed(Recurrent):
    """A network of recurrent layers that keeps its states every n steps."""

    def __init__(
        self, model: Model, parameters: Mapping[str, Tensor], *, device: str, dtype: str, checkpoint: int
    ) -> None:
        super().__init__(model, parameters, device=device, dtype=dtype)
        self.every = checkpoint

    @torch.no_grad()
    def forward(self, batch: DeviceBatch, *, states: bool = False) -> Tape:
        """Run segment after segment; keep the states before each, and its outputs if they are read."""
        parameters = self.parameters
        weights = self.layers.weights(parameters)
        starts = [self.layers.start(batch, weights)]
        parts = []
        for x, route in self.segments(batch):
            traces = self.layers.forward(x, weights, starts[-1], route)
            if self.model.readout == "all":
                parts.append(self.readout.outputs(route.up(traces[-1:], self.top), parameters, route.padding))
            starts.append([tuple(state.clone() for state in route.last(trace)) for trace in traces])
            self.layers.release(traces)
        outputs = torch.cat(parts, TIME) if parts else self.readout.outputs(self.last_read(batch, starts), parameters)
        saved = Saved(batch, starts, outputs, states, parameters)
        last = None if batch.state is None else together(starts[-1])
        return Tape(self.readout.loss(outputs, batch.targets, batch.padding), outputs, saved, last_state=last)

    @torch.no_grad()
    def backward(self, tape: Tape) -> Gradients:
        """Go back segment by segment, each run forward again from the states before it."""
        batch, starts, outputs, states, parameters = tape.saved
        tape.saved = None
        weights = self.layers.weights(parameters)
        by_layer = self.layers.new_gradients(weights)
        gradient, of_readout = self.readout.loss_gradient(outputs, batch.targets, batch.padding), ReadoutGradients()
        if self.model.readout != "all":
            gradient = of_readout.add(self.readout.pull_back(self.last_read(batch, starts), gradient, parameters))
            (gradient,) = Route.of(self.model, batch).down_last(gradient, self.top)
        arriving: list[States] = []
        of_states = []
        for k, (x, route) in reversed(list(enumerate(self.segments(batch)))):
            traces, last = self.layers.forward(x, weights, starts[k], route), k == len(starts) - 2
            if self.model.readout == "all":
                hidden, part = route.up(traces[-1:], self.top), gradient.narrow(TIME, k * self.every, x.shape[TIME])
                reached = route.down(of_readout.add(self.readout.pull_back(hidden, part, parameters)), self.top)
            else:
                reached = [route.at_last(gradient if last or batch.padding else torch.zeros_like(gradient))]
            flows = self.layers.backward(traces, weights, reached, by_layer, route, arriving, first=last)
            arriving = [tuple(state.clone() for state in flow.start) for flow in flows]
            if states:
                of_states.append(over_layers(flows, route))
            self.layers.release(traces, flows)
        joined = [torch.cat(parts[::-1], TIME - 1) for parts in zip(*of_states, strict=True)]
        initial = None if batch.state is None else together(arriving)
        return Gradients(self.layers.by_name(by_layer) | of_readout.total, *joined, initial_state=initial)

    def segments(self, batch: DeviceBatch) -> list[tuple[Tensor, Route]]:
        """Return the inputs of every n steps, with their route."""
        route, parts = Route.of(self.model, batch), torch.split(batch.inputs, self.every, TIME)
        return [(x, route.window(k * self.every, k * self.every + x.shape[TIME])) for k, x in enumerate(parts)]

    def last_read(self, batch: DeviceBatch, starts: list[list[States]]) -> Tensor:
        """Return what the readout reads of each sequence's last step, (B, H)."""
        return Route.of(self.model, batch).up_last([starts[-1][-1][0]], self.top)


class ReadoutGradients:
    """Gradients by the readout's parameters, added up over segments."""

    def __init__(self) -> None:
        self.total: dict[str, Tensor] = {}

    def add(self, pulled_back: tuple[Tensor, Mapping[str, Tensor]]) -> Tensor:
        """Add a segment's, and return the gradient by what the readout read of it."""
        gradient, parts = pulled_back
        for name, part in parts.items():
            self.total[name] = self.total[name] + part if name in self.total else part
        return gradient
