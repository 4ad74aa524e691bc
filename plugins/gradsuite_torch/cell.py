"""The base of recurrent cells: one layer unrolled over time, forward and backward in blocks of steps.

Arrays have the time axis third from the end: (T, B, .), or (S, T, B, .) for a stack of networks.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from torch import Tensor

from gradsuite_torch.products import Factor, add_weight_gradient, affine, product
from gradsuite_torch.room import Room
from gradsuite_torch.trace import TIME, Flow, States, Trace, Weights

BLOCK = 2**21  # numbers in the gates of a block of steps: many enough rows for a fast product, few enough for the cache


class Cell(ABC):
    """One layer unrolled over time: per block of steps, one product with the inputs and one per weight gradient."""

    gates: ClassVar[int]
    states: ClassVar[int] = 1
    grows: bool = False  # whether states may grow without bounds
    local: ClassVar[tuple[int, ...]] = ()  # widths, in units of H, of what the trace keeps per step besides its states

    def __init__(self, room: Room) -> None:
        self.room = room

    @abstractmethod
    def step_through(self, trace: Trace, z: Tensor, U: Factor, weights: Weights) -> None:
        """Compute a block's states from z = x W^T + b (T, B, G H), which is overwritten."""

    @abstractmethod
    def flow_back(self, trace: Trace, flow: Flow, U: Factor) -> Tensor:
        """Complete a block's flow from its last step to its first, and return dL/dz (T, B, G H)."""

    def forward(self, x: Tensor, weights: Weights, start: States) -> Trace:
        """Run over all steps of x (T, B, I) from the states `start`, (B, H) each."""
        trace = self.begin(x, start)
        U, bias = Factor(weights.hh.mT, x.shape[-2]), self.input_bias(weights)
        for first, last in self.blocks(trace):
            block = trace.window(first, last)
            z = self.room.take(*block.outputs.shape[:-1], weights.ih.shape[-2])
            affine(rows(block.x), weights.ih, bias, rows(z))
            self.step_through(block, z, U, weights)
            self.room.give([z])
        return trace

    def backward(
        self, trace: Trace, weights: Weights, flow: Flow, gradients: Weights, dx: Tensor | None, *, first: bool
    ) -> None:
        """Complete the flow from the last step to the first.

        Adds to the weights' gradients, or sets their matrices if this is the `first` segment. Sets dx (T, B, I), the
        gradient with respect to the inputs, if it is given.
        """
        U = Factor(weights.hh, trace.x.shape[-2])
        for start, end in reversed(list(self.blocks(trace))):
            block = trace.window(start, end)
            dz = self.flow_back(block, flow.window(start, end), U)
            self.add_gradients(block, rows(dz), gradients, first=first and end == trace.steps)
            if dx is not None:
                rows(dx.narrow(TIME, start, end - start)).copy_(self.input_gradient(rows(dz), weights))
            self.room.give([dz])

    def begin(self, x: Tensor, start: States) -> Trace:
        """Return a trace with room for all steps of x (T, B, I), and `start` before the first."""
        steps, (*stack, batch, width) = x.shape[TIME], start[0].shape
        states = tuple(self.room.take(*stack, steps + 1, batch, width) for _ in start)
        for state, first in zip(states, start, strict=True):
            state.select(TIME, 0).copy_(first)
        return Trace(x, states, tuple(self.room.take(*stack, steps, batch, k * width) for k in self.local))

    def input_bias(self, weights: Weights) -> Tensor:
        """Return the bias of every step's product with the inputs."""
        return weights.b_ih + weights.b_hh

    def add_gradients(self, trace: Trace, dz: Tensor, gradients: Weights, *, first: bool) -> None:
        """Add a block's part of the weight gradients, given dL/dz (T B, G H)."""
        add_weight_gradient(gradients.ih, dz, rows(trace.x), first=first)
        add_weight_gradient(gradients.hh, dz, rows(trace.before), first=first)
        db = dz.sum(-2)
        gradients.b_ih.add_(db)
        gradients.b_hh.add_(db)

    def input_gradient(self, dz: Tensor, weights: Weights) -> Tensor:
        """Return a block's dL/dx (T B, I)."""
        return product(dz, weights.ih)

    def blocks(self, trace: Trace) -> Iterator[tuple[int, int]]:
        """Yield the first step of each block and the one after its last."""
        length = max(1, BLOCK * trace.steps // (self.gates * trace.outputs.numel()))
        for first in range(0, trace.steps, length):
            yield first, min(first + length, trace.steps)


def rows(array: Tensor) -> Tensor:
    """Return (T, B, N) as (T B, N), time and batch together; a view."""
    return array.flatten(TIME, TIME + 1)


def gate_rows(array: Tensor, count: int) -> Tensor:
    """Return (T, B, G H) as (T, B, G, H), one row per gate; a view."""
    return array.view(*array.shape[:-1], count, -1)
