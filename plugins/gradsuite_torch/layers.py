"""Recurrent layers on top of each other: forward over a span of steps, backward through all of them."""

from collections.abc import Mapping, Sequence

import torch
from gradsuite.model import Model
from torch import Tensor

from gradsuite_torch.cell import TIME, Cell, Flow, Trace, Weights
from gradsuite_torch.gru import Gru
from gradsuite_torch.lstm import Lstm
from gradsuite_torch.rnn import Rnn

KINDS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
States = tuple[Tensor, ...]  # h, and c of lstm, of one layer: (B, H) each


class Layers:
    """All recurrent layers of a model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.cell = make_cell(model)

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

    def backward(
        self, traces: Sequence[Trace], weights: Sequence[Weights], top: Flow
    ) -> tuple[list[Weights], list[Flow]]:
        """Return each layer's weight gradients and completed flow; `top` holds what reaches the top layer's states."""
        gradients, flows = [], [top]
        for trace, layer_weights in zip(reversed(traces), reversed(weights), strict=True):
            dz = self.cell.backward(trace, layer_weights, flows[-1])
            gradients.append(self.cell.weight_gradients(trace, dz))
            if len(flows) < len(traces):
                flows.append(self.flow(trace))
                below = flows[-1].dh
                self.cell.input_gradient(dz, layer_weights, below.narrow(TIME, 1, below.shape[TIME] - 1))
        return gradients[::-1], flows[::-1]

    def flow(self, trace: Trace, *, direct: bool = True) -> Flow:
        """Return room for the state gradients of a trace: zero before the first step, and dL/dc zero after the last."""
        dh = torch.empty_like(trace.states[0])
        dh.select(TIME, 0).zero_()
        dc = torch.empty_like(dh) if self.cell.states == 2 else None
        if dc is not None:
            dc.select(TIME, -1).zero_()
        return Flow(dh, direct, dc)


def make_cell(model: Model) -> Cell:
    """Return the cell of a model."""
    if model.cell == "rnn":
        return Rnn(model.activation)
    return Lstm() if model.cell == "lstm" else Gru()
