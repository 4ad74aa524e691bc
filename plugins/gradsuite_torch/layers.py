"""Stacked recurrent layers: forward over a span of steps, backward through all of them."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import TypeVar

import torch
from gradsuite.model import Model
from torch import Tensor

from gradsuite_torch.cell import Cell
from gradsuite_torch.gru import Gru
from gradsuite_torch.lstm import Lstm
from gradsuite_torch.network import DeviceBatch
from gradsuite_torch.rnn import Rnn
from gradsuite_torch.room import Room
from gradsuite_torch.route import Route
from gradsuite_torch.trace import TIME, Flow, States, Trace, Weights

KINDS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
Part = TypeVar("Part")


class Layers:
    """All recurrent layers of a model, in each of their directions, as `model.layers_and_directions` has them."""

    def __init__(self, model: Model, room: Room) -> None:
        self.model = model
        self.room = room
        self.cell = make_cell(model, room)
        ends = [f"_l{layer}{'_reverse' if reverse else ''}" for layer, reverse in model.layers_and_directions]
        self.names = [[kind + end for kind in KINDS] for end in ends]

    def weights(self, parameters: Mapping[str, Tensor]) -> list[Weights]:
        """Return each layer's parameters."""
        return [Weights(*(parameters[name] for name in names)) for names in self.names]

    def by_name(self, gradients: Sequence[Weights]) -> dict[str, Tensor]:
        """Return the layers' weight gradients by PyTorch's names."""
        return {
            name: gradient
            for names, weights in zip(self.names, gradients, strict=True)
            for name, gradient in zip(names, weights, strict=True)
        }

    def start(self, batch: DeviceBatch, weights: Sequence[Weights]) -> list[States]:
        """Return each layer's states before the first step: the batch's, or zeros."""
        if batch.state is not None:
            return list(zip(*(kind.unbind() for kind in batch.state), strict=True))
        stack = weights[0].hh.shape[:-2]
        zero = batch.inputs.new_zeros(*stack, batch.inputs.shape[-2], self.model.hidden_size)
        return [(zero,) * self.cell.states] * len(self.names)

    def forward(self, x: Tensor, weights: Sequence[Weights], start: Sequence[States], route: Route) -> list[Trace]:
        """Run all layers over the steps of x (T, B, I), from the states `start`; return each layer's trace."""
        traces: list[Trace] = []
        for layer in range(self.model.num_layers):
            numbers = route.numbers(layer)
            if layer > 0:
                x = route.up(traces[-len(numbers) :], layer - 1)
            for number in numbers:
                traces.append(self.cell.forward(route.to_layer(x, number), weights[number], start[number]))
                if route.padding is not None and self.cell.grows:
                    route.padding.clear(traces[-1].outputs)
        return traces

    def top(self, parts: Sequence[Part]) -> Sequence[Part]:
        """Return the parts of all layers that are the top layer's."""
        return parts[-self.model.directions :]

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
        reached: Sequence[Tensor],
        gradients: Sequence[Weights],
        route: Route,
        arriving: Sequence[States] = (),
        *,
        first: bool = True,
    ) -> list[Flow]:
        """Go back through all layers: add to their weight gradients and return their completed flows.

        `reached` holds what reaches the last k states of the top layer's directions from above, (k, B, H), `arriving`
        what reaches each layer's last states from later steps. The `first` segment sets the matrices of the weight
        gradients instead of adding to them.
        """
        tops = [self.top_flow(trace, part) for trace, part in zip(self.top(traces), reached, strict=True)]
        flows = [*(self.flow(trace) for trace in traces[: -len(tops)]), *tops]
        for layer in reversed(range(self.model.num_layers)):
            numbers = route.numbers(layer)
            landing = self.landing(traces, flows, layer, route) if layer > 0 else []
            for number, dx in zip_longest(numbers, landing):
                for state, carried in zip(flows[number].states, arriving[number] if arriving else (), strict=False):
                    state.select(TIME, -1).add_(carried)
                self.cell.backward(traces[number], weights[number], flows[number], gradients[number], dx, first=first)
            if layer > 0 and not route.direct:
                self.pass_down(landing, flows, layer, route)
        return flows

    def landing(self, traces: Sequence[Trace], flows: Sequence[Flow], layer: int, route: Route) -> list[Tensor]:
        """Return arrays for the gradients by what a layer's directions read: the lower one's flow if that is it."""
        if route.direct:
            return [without_start(flows[layer - 1].states[0])]
        return [self.room.take(*traces[number].x.shape) for number in route.numbers(layer)]

    def pass_down(self, landing: Sequence[Tensor], flows: Sequence[Flow], layer: int, route: Route) -> None:
        """Set what reaches the states below a layer, given the gradients by what its directions read."""
        parts = [route.from_layer(dx, number) for number, dx in zip(route.numbers(layer), landing, strict=True)]
        below = route.down(sum(parts[1:], parts[0]), layer - 1)
        for number, part in zip(route.numbers(layer - 1), below, strict=True):
            without_start(flows[number].states[0]).copy_(part)
        self.room.give(landing)

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

    def hand_over(self, flows: Sequence[Flow], route: Route) -> list[Tensor]:
        """Return dL/dh, and dL/dc of lstm, (T, layers, B, H): the flow's arrays if there is one layer."""
        if len(flows) == 1:
            return [without_start(array).unsqueeze(TIME) for array in flows[0].states]
        joined = over_layers(flows, route)
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


def over_layers(flows: Sequence[Flow], route: Route) -> list[Tensor]:
    """Return the state gradients of all layers, dL/dh and dL/dc of lstm, (T, layers, B, H), in the order of time."""
    kinds = zip(*(flow.states for flow in flows), strict=True)
    return [
        torch.stack([route.from_layer(without_start(array), number) for number, array in enumerate(arrays)], dim=TIME)
        for arrays in kinds
    ]


def together(states: Sequence[States]) -> tuple[Tensor, ...]:
    """Return the states of each layer, or gradients by them, as arrays of all (layers, B, H), copied."""
    return tuple(torch.stack(kind) for kind in zip(*states, strict=True))


def make_cell(model: Model, room: Room) -> Cell:
    """Return the cell of a model."""
    if model.cell == "rnn":
        return Rnn(model.activation, room)
    return Lstm(room) if model.cell == "lstm" else Gru(room)
