"""A recurrent layer's call computed again by the suite's own kernels, which have every state and its gradient."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from gradsuite.model import Model
from torch import Tensor

from gradsuite_torch.layers import Layers, without_start
from gradsuite_torch.network import DeviceBatch
from gradsuite_torch.room import Room
from gradsuite_torch.route import Route
from gradsuite_torch.trace import Trace
from gradsuite_torch.watching.calls import Call


@dataclass(frozen=True, slots=True)
class Again:
    """What the second computing has, of each layer in each direction, in the order in which it reads.

    `squares` (layers, lags) are the squared norms of the gradient that arrives at each sequence's last step, by states
    further and further back, over h and c, each layer's divided by its largest; `difference` is the relative one of
    the outputs from those of the call.
    """

    traces: list[Trace]
    squares: Tensor
    longest: Tensor  # the greatest lag that any sequence has, of each layer
    difference: Tensor


@torch.no_grad()
def again(model: Model, parameters: Mapping[str, Tensor], call: Call) -> Again:
    """Compute a call again, and send back the gradient that arrived last.

    Where a loss reads every step, gradients of all lags are added up at every state, and no lag can be told. So only
    what arrives at the last step of each sequence, the last that anything arrives at, is sent back.
    """
    layers, route = Layers(model, Room(call.dtype, str(call.x.device))), Route(model)
    weights, top = layers.weights(parameters), model.num_layers - 1
    batch = DeviceBatch(call.x, call.x, state=call.start)
    traces = layers.forward(call.x, weights, layers.start(batch, weights), route)
    output = route.up(layers.top(traces), top)
    by_output = torch.zeros_like(output) if call.by_output is None else call.by_output
    arriving = ends(call, len(traces), layers.cell.states, model.hidden_size)
    ended = torch.stack([state.abs().amax(-1) for states in arriving for state in states]).amax(0)  # (B)
    reached, last = zip(*(only_last(part, ended) for part in route.down(by_output, top)), strict=True)
    flows = layers.backward(traces, weights, reached, layers.new_gradients(weights), route, arriving)
    lasts = [last[number % model.directions] for number in range(len(flows))]
    squares = [by_lag(list(map(without_start, flow.states)), at) for flow, at in zip(flows, lasts, strict=True)]
    difference = torch.linalg.vector_norm(output - call.output) / torch.linalg.vector_norm(call.output)
    return Again(traces, torch.stack(squares), torch.stack([at.max() for at in lasts]), difference)


def ends(call: Call, layers: int, kinds: int, width: int) -> list[tuple[Tensor, ...]]:
    """Return the gradients by each layer's states after all steps, h and c of lstm; zeros where none arrived."""
    nothing = call.x.new_zeros(layers, call.x.shape[1], width)
    return list(zip(*(call.by_last.get(kind, nothing).unbind() for kind in range(kinds)), strict=True))


def only_last(gradient: Tensor, ended: Tensor) -> tuple[Tensor, Tensor]:
    """Return a gradient (T, B, H) with nothing but its last step of each sequence that has any, and which that is (B).

    Of sequences that have `ended` with a gradient by their last state it is the very last step.
    """
    steps = torch.arange(len(gradient), device=gradient.device)[:, None]
    some = (gradient.abs().amax(-1) > 0) | ((steps == len(gradient) - 1) & (ended > 0))
    last = torch.where(some, steps, 0).amax(0)
    return torch.where((steps == last)[..., None], gradient, 0), last


def by_lag(gradients: list[Tensor], last: Tensor) -> Tensor:
    """Return squared norms (lags) of gradients (T, B, H) back from the `last` step (B) of each sequence.

    They are divided by the largest number, so that squares of small ones are not zero.
    """
    largest = torch.stack([part.abs().amax() for part in gradients]).amax()
    squares = sum((part / largest).square().sum(-1) for part in gradients)  # (T, B)
    assert isinstance(squares, Tensor)
    places = last - torch.arange(len(squares), device=last.device)[:, None]
    return torch.where(places >= 0, squares.gather(0, places.clamp_min(0)), 0).sum(-1)
