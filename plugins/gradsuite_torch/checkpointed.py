"""BPTT in little memory: the states of every n-th step are kept, the others computed again (Chen et al. 2016)."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from gradsuite.backend import Gradients, Tape
from gradsuite.model import Model
from torch import Tensor

from gradsuite_torch.layers import over_layers
from gradsuite_torch.network import DeviceBatch
from gradsuite_torch.recurrent import Recurrent
from gradsuite_torch.trace import TIME, States, Trace


class Saved(NamedTuple):
    """What the backward pass reads; `starts` holds each layer's states before each segment."""

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
        starts = [self.layers.zeros(batch.inputs, weights)]
        parts = []
        for x in torch.split(batch.inputs, self.every, TIME):
            traces = self.layers.forward(x, weights, starts[-1])
            if self.model.readout == "all":
                parts.append(self.readout.outputs(traces[-1].outputs, parameters))
            starts.append([tuple(state.clone() for state in trace.last) for trace in traces])
            self.layers.release(traces)
        top = starts[-1][-1][0]
        outputs = torch.cat(parts, TIME) if parts else self.readout.outputs(top, parameters)
        saved = Saved(batch, starts, outputs, states, parameters)
        return Tape(self.readout.loss(outputs, batch.targets), outputs, saved)

    @torch.no_grad()
    def backward(self, tape: Tape) -> Gradients:
        """Go back segment by segment, each run forward again from the states before it."""
        batch, starts, outputs, states, parameters = tape.saved
        tape.saved = None
        weights = self.layers.weights(parameters)
        by_layer = self.layers.new_gradients(weights)
        to_outputs = self.readout.loss_gradient(outputs, batch.targets)
        gradients: dict[str, Tensor] = {}
        arriving: list[States] = []
        of_states = []
        for k, x in reversed(list(enumerate(torch.split(batch.inputs, self.every, TIME)))):
            traces = self.layers.forward(x, weights, starts[k])
            last = k == len(starts) - 2
            reached = self.from_readout(traces[-1], to_outputs, parameters, gradients, first=k * self.every, last=last)
            top = self.layers.top_flow(traces[-1], reached)
            flows = self.layers.backward(traces, weights, top, by_layer, arriving, first=last)
            arriving = [tuple(state.clone() for state in flow.start) for flow in flows]
            if states:
                of_states.append(over_layers(flows))
            self.layers.release(traces, flows)
        joined = [torch.cat(parts[::-1], TIME - 1) for parts in zip(*of_states, strict=True)]
        return Gradients(self.layers.by_name(by_layer) | gradients, *joined)

    def from_readout(
        self,
        trace: Trace,
        to_outputs: Tensor,
        parameters: Mapping[str, Tensor],
        gradients: dict[str, Tensor],
        *,
        first: int,
        last: bool,
    ) -> Tensor:
        """Return what the readout sends back to the last k states of a segment, (k, B, H); add to its own gradients."""
        if self.model.readout == "all":
            hidden, to_outputs = trace.outputs, to_outputs.narrow(TIME, first, trace.steps)
        elif last:
            hidden = trace.last[0]
        else:
            return torch.zeros_like(trace.last[0]).unsqueeze(TIME)
        reached, of_readout = self.readout.pull_back(hidden, to_outputs, parameters)
        for name, gradient in of_readout.items():
            gradients[name] = gradients[name] + gradient if name in gradients else gradient
        return reached if self.model.readout == "all" else reached.unsqueeze(TIME)
