"""PyTorch's fused LSTM kernel (oneDNN's), and autograd through it: fastest where nobody asks for state gradients."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from gradsuite.model import Model
from torch import Tensor

from gradsuite_torch.products import ONEDNN
from gradsuite_torch.trace import Weights

# States in a segment. The kernel keeps about 32 bytes for each, and from 32 MB on the C library takes memory anew from
# the system at each call, page by page, which costs more than the segments do.
SEGMENT = 2**19


class FusedTrace(NamedTuple):
    """What the backward pass reads: the top layer's states (T, B, H) in autograd's graph, and the graph's leaves."""

    outputs: Tensor
    leaves: list[Tensor]


def fits(model: Model, x: Tensor, weights: Sequence[Weights]) -> bool:
    """Return whether the kernel can run this model."""
    return ONEDNN and model.cell == "lstm" and weights[0].hh.dim() == 2 and x.is_cpu and x.dtype == torch.float32


@torch.enable_grad()
def forward(model: Model, x: Tensor, weights: Sequence[Weights]) -> FusedTrace:
    """Run all layers over x (T, B, I) from zero states."""
    leaves = [w.detach().requires_grad_() for layer in weights for w in layer]
    h = c = x.new_zeros(model.num_layers, x.shape[1], model.hidden_size)
    outputs = []
    for segment in x.split(max(1, SEGMENT // (x.shape[1] * model.hidden_size))):
        top, h, c = torch.lstm(segment, (h, c), leaves, True, model.num_layers, 0.0, True, False, False)
        outputs.append(top)
    return FusedTrace(torch.cat(outputs) if len(outputs) > 1 else top, leaves)


@torch.enable_grad()
def backward(trace: FusedTrace, gradient: Tensor) -> list[Weights]:
    """Return each layer's weight gradients, given dL/dh (k, B, H) of the top layer's last k states."""
    reached = trace.outputs[-len(gradient) :]
    found = torch.autograd.grad(reached, trace.leaves, gradient)
    return [Weights(*found[first : first + 4]) for first in range(0, len(found), 4)]
