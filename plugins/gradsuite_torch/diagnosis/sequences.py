"""The sequences that a recurrent layer read, with the loss's gradient by all that it put out."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gradsuite_torch.diagnosis.calls import Call, State
from gradsuite_torch.diagnosis.looking import Look


@dataclass(frozen=True, slots=True)
class Sequences:
    """T steps of B sequences: `outputs` and `gradient` are (T, B, O), what else there is as a Batch has it.

    `lost` is what share of the loss's gradient reaches the layer past its outputs, and is not in `gradient`.
    """

    inputs: Tensor
    outputs: Tensor
    gradient: Tensor
    lengths: Tensor | None
    state: State | None
    lost: float


def sequences(layer: nn.RNNBase, seen: Look, name: str) -> Sequences:
    """Return what one layer read and put out, all calls together.

    Calls that go on from each other are one sequence; calls that do not are sequences side by side.
    """
    calls = seen.calls[name]
    gradients = {id(call): one for call, one in zip(calls, seen.by_outputs[name], strict=True)}
    by_last = {id(call): one for call, one in zip(calls, seen.by_last[name], strict=True)}
    parts, lost, kept = [], 0.0, 0.0
    for chain in _chains(calls):
        pieces = [call.in_steps(gradients[id(call)]) for call in chain]
        for piece, call in zip(pieces, chain, strict=True):
            lost += _add_last(layer, piece, by_last[id(call)], call)
            kept += float(piece.double().square().sum())
        outputs = torch.cat([call.in_steps(call.reached.detach()) for call in chain])
        inputs = torch.cat([call.inputs for call in chain])
        parts.append((inputs, outputs, torch.cat(pieces), chain[0].lengths, chain[0].start))
    share = (lost / (lost + kept)) ** 0.5 if lost else 0.0
    if len(parts) == 1:
        return Sequences(*parts[0], share)
    return _side_by_side(parts, share, states=2 if isinstance(layer, nn.LSTM) else 1)


def _chains(calls: Sequence[Call]) -> list[list[Call]]:
    """Return calls by what they go on from; a packed one begins anew."""
    chains: list[list[Call]] = []
    for call in calls:
        before = next((one for one in chains if one[-1] is call.follows), None)
        if before is None or call.lengths is not None or before[-1].lengths is not None:
            chains.append([call])
        else:
            before.append(call)
    return chains


def _add_last(layer: nn.RNNBase, gradient: Tensor, by_last: tuple[Tensor | None, ...], call: Call) -> float:
    """Add the gradient by the top layer's last hidden states to that of its outputs, and return what has no place.

    The forward direction's is at the last step that counts, the backward one's at the first. What reaches the layers
    below, or memory cells, by their last states has no place: the square of its norm is returned.
    """
    by_hidden, *by_cells = by_last
    lost = sum(float(one.double().square().sum()) for one in by_cells if one is not None)
    if by_hidden is None:
        return lost
    by_hidden = by_hidden if call.batched else by_hidden.unsqueeze(1)
    directions, units = 2 if layer.bidirectional else 1, layer.hidden_size
    lost += float(by_hidden[:-directions].double().square().sum())
    steps, size = gradient.shape[:2]
    ends = torch.full((size,), steps - 1) if call.lengths is None else call.lengths - 1
    places = torch.arange(size)
    gradient[ends.to(gradient.device), places.to(gradient.device), :units] += by_hidden[-directions]
    if directions == 2:
        gradient[0, :, units:] += by_hidden[-1]
    return lost


def _side_by_side(
    parts: Sequence[tuple[Tensor, Tensor, Tensor, Tensor | None, State | None]], lost: float, *, states: int
) -> Sequences:
    """Return several sequences as one batch, padded to the longest."""
    steps = max(len(inputs) for inputs, *_ in parts)
    every = zip(*((inputs, outputs, gradient) for inputs, outputs, gradient, _, _ in parts), strict=True)
    inputs, outputs, gradient = (torch.cat([_padded(one, steps) for one in kind], dim=1) for kind in every)
    lengths = [
        torch.full((inputs.shape[1],), len(inputs)) if given is None else given for inputs, _, _, given, _ in parts
    ]
    starts = [start for *_, start in parts if start is not None]
    state = None
    if starts:
        by_part = [
            start or (starts[0][0].new_zeros(len(starts[0][0]), inputs.shape[1], starts[0][0].shape[-1]),) * states
            for inputs, *_, start in parts
        ]
        state = tuple(torch.cat(kind, dim=1) for kind in zip(*by_part, strict=True))
    return Sequences(inputs, outputs, gradient, torch.cat(lengths), state, lost)


def _padded(values: Tensor, steps: int) -> Tensor:
    return torch.cat([values, values.new_zeros(steps - len(values), *values.shape[1:])])
