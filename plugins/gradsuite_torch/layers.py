"""Stacked recurrent layers: forward over a span of steps, backward through all of them."""

from collections.abc import Mapping, Sequence

import torch
from gradsuite.model import Model
from torch import Tensor

from gradsuite_torch.cell import Cell
from gradsuite_torch.gru import Gru
from gradsuite_torch.lstm import Lstm
from gradsuite_torch.rnn import Rnn
from gradsuite_torch.room import Room
from gradsuite_torch.trace import TIME, Flow, States, Trace, Weights

KINDS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class Layers:
    """All recurrent layers of a model."""

    def __init__(self, model: Model, room: Room) -> None:
        self.model = model
        self.room = room
        self.cell = make_cell(model, room)

    def weights(self, parameters: Mapping[str, Tensor]) -> list[Weights]:
        """Return each layer's parameters."""
        return [Weights(*(parameters[f"{kind}_l{layer}"] for kind in KINDS)) for layer in range(self.model.num_layers)]

    def by_name(self, gradients: Sequence[Weights]) -> dict[str, Tensor]:
        """Return the layers' weight gradients by PyTorch's names."""
        return {
            f"{kind}_l{layer}": gradient
            for layer, weights in enumerate(gradients)
            for kind, gradient in zip(KINDS, weights, strict=True)
        }

    def zeros(self, x: Tensor, weights: Sequence[Weights]) -> list[States]:
        """Return the states before the first step, all zero."""
        stack = weights[0].hh.shape[:-2]
        zero = x.new_zeros(*stack, x.shape[-2], self.model.hidden_size)
        return [(zero,) * self.cell.states] * self.model.num_layers

    def forward(self, x: Tensor, weights: Sequence[Weights], start: Sequence[States]) -> list[Trace]:
        """Run all layers over the steps of x (T, B, I), from the states `start`; return each layer's trace."""
        traces: list[Trace] = []
        for layer_weights, layer_start in zip(weights, start, strict=True):
            traces.append(self.cell.forward(x, layer_weights, layer_start))
            x = traces[-1].outputs
        return traces

    def new_gradients(self, weights: Sequence[Weights]) -> list[Weights]:
        """Return arrays for each layer's weight gradients: matrices unset, biases zero."""
        return [
            Weights(*map(torch.empty_like, (layer.ih, layer.hh)), *map(torch.zeros_like, (layer.b_ih, layer.b_hh)))
            for layer in weights
        ]

    def backward(
        self,
        traces: Sequence[Trace],
        weights: Sequence[Weights],
        top: Flow,
        gradients: Sequence[Weights],
        arriving: Sequence[States] = (),
        *,
        first: bool = True,
    ) -> list[Flow]:
        """Go back through all layers: add to their weight gradients and return their completed flows.

        `top` holds what reaches the top layer's states from above, `arriving` what reaches each layer's last states
        from later steps. The `first` segment sets the matrices of the weight gradients instead of adding to them.
        """
        flows = [*(self.flow(trace) for trace in traces[:-1]), top]
        for layer in reversed(range(len(traces))):
            for state, carried in zip(flows[layer].states, arriving[layer] if arriving else (), strict=False):
                state.select(TIME, -1).add_(carried)
            below = without_start(flows[layer - 1].states[0]) if layer > 0 else None
            self.cell.backward(traces[layer], weights[layer], flows[layer], gradients[layer], below, first=first)
        return flows

    def top_flow(self, trace: Trace, gradient: Tensor) -> Flow:
        """Return the flow into the top layer, from what reaches its last k states directly, (k, B, H)."""
        reached = gradient.shape[TIME]
        flow = self.flow(trace, direct=reached > 1)
        dh = without_start(flow.states[0])
        if flow.direct:
            dh.narrow(TIME, 0, trace.steps - reached).zero_()
        dh.narrow(TIME, trace.steps - reached, reached).copy_(gradient)
        return flow

    def flow(self, trace: Trace, *, direct: bool = True) -> Flow:
        """Return arrays for the state gradients of a trace; dL/dh_0, and dL/dc after the last step, are zero."""
        states = tuple(self.room.take(*state.shape) for state in trace.states)
        states[0].select(TIME, 0).zero_()
        for cell_state in states[1:]:
            cell_state.select(TIME, -1).zero_()
        return Flow(states, direct)

    def hand_over(self, flows: Sequence[Flow]) -> list[Tensor]:
        """Return dL/dh, and dL/dc of lstm, (T, layers, B, H): the flow's arrays if there is one layer."""
        if len(flows) == 1:
            return [without_start(array).unsqueeze(TIME) for array in flows[0].states]
        joined = over_layers(flows)
        self.release((), flows)
        return joined

    def release(self, traces: Sequence[Trace], flows: Sequence[Flow] = ()) -> None:
        """Take back the arrays of traces and flows that are no longer read."""
        for trace in traces:
            self.room.give((*trace.states, *trace.local))
        for flow in flows:
            self.room.give(flow.states)


def without_start(array: Tensor) -> Tensor:
    """Return (T + 1, B, H) without the row before the first step; a view."""
    return array.narrow(TIME, 1, array.shape[TIME] - 1)


def over_layers(flows: Sequence[Flow]) -> list[Tensor]:
    """Return the state gradients of all layers, dL/dh and dL/dc of lstm, (T, layers, B, H)."""
    kinds = zip(*(flow.states for flow in flows), strict=True)
    return [torch.stack([without_start(array) for array in arrays], dim=TIME) for arrays in kinds]


def make_cell(model: Model, room: Room) -> Cell:
    """Return the cell of a model."""
    if model.cell == "rnn":
        return Rnn(model.activation, room)
    return Lstm(room) if model.cell == "lstm" else Gru(room)
