"""Statistics of gates, saturated states and dead units, from what a forward pass keeps."""

import torch
from gradsuite.diagnosis.thresholds import SATURATED
from gradsuite.diagnosis.watching import Reading
from gradsuite.model import Model
from torch import Tensor

from gradsuite_torch.trace import Trace
from gradsuite_torch.watching.numbers import fetch


def gate_readings(model: Model, trace: Trace, module: str, layer: int) -> list[Reading]:
    """Return what can be said of a cell: of gates their mean and saturated share, of relu the share of dead units."""
    gates = trace.local[0] if trace.local else None
    return statistics(model.cell, model.activation, gates, trace.outputs, module, layer)


@torch.no_grad()
def statistics(cell: str, activation: str, gates: Tensor | None, h: Tensor, module: str, layer: int) -> list[Reading]:
    """Return the statistics of gates (..., G H), in PyTorch's order, and states h (T, B, H) of one layer.

    `forget_gate` is the mean share of the state that a step keeps: f of lstm, z of gru.
    """
    if cell == "lstm" and gates is not None:
        i, f, _, o = gates.chunk(4, -1)
        found = {"forget_gate": f.mean(), "saturated": saturated(torch.stack([i, f, o]))}
    elif cell == "gru" and gates is not None:
        r, z, _ = gates.chunk(3, -1)
        found = {"forget_gate": z.mean(), "saturated": saturated(torch.stack([r, z]))}
    elif activation == "relu":
        found = {"dead": dead(h)}
    else:
        found = {"saturated": (h.abs() > 1 - SATURATED).double().mean()}
    return [Reading(*each, module, layer) for each in zip(found, fetch(found.values()), strict=True)]


def saturated(gates: Tensor) -> Tensor:
    """Return the share of gates that are nearly shut or nearly open."""
    return ((gates < SATURATED) | (gates > 1 - SATURATED)).float().mean()


def dead(activations: Tensor) -> Tensor:
    """Return the share of units (the last axis) that are never above zero."""
    return 1 - (activations > 0).flatten(0, -2).any(0).float().mean()
