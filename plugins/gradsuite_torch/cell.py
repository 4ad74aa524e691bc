"""What every recurrent cell has: its weights, the trace of a span of time steps, and the gradients of its weights.

Arrays have the time axis third from the end: (T, B, .), or (S, T, B, .) for a stack of settings.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from gradsuite_torch.products import affine, product, weight_gradient

TIME = -3
CHUNK = 2**18  # numbers of one array that stay in the cache between two passes over them


class Weights(NamedTuple):
    """One layer's parameters: (G H, I), (G H, H), (G H), (G H) for G gates, or a stack of each."""

    ih: Tensor
    hh: Tensor
    b_ih: Tensor
    b_hh: Tensor


@dataclass(slots=True)
class Trace:
    """What one layer's forward pass over T steps leaves behind.

    `x` is (T, B, I). `states` are h, and c of lstm, (T + 1, B, H) from before the first step to after the last.
    `local` are (T, B, .) arrays of which the cell's backward pass makes its derivatives.
    """

    x: Tensor
    states: tuple[Tensor, ...]
    local: tuple[Tensor, ...] = ()

    @property
    def outputs(self) -> Tensor:
        """Return h_1 to h_T, (T, B, H)."""
        return self.states[0].narrow(TIME, 1, self.x.shape[TIME])

    @property
    def last(self) -> tuple[Tensor, ...]:
        """Return the states after the last step, (B, H) each."""
        return tuple(state.select(TIME, -1) for state in self.states)

    def window(self, start: int, stop: int) -> "Trace":
        """Return the trace of the steps from `start` up to but without `stop`: views, not copies."""
        steps = stop - start
        return Trace(
            self.x.narrow(TIME, start, steps),
            tuple(state.narrow(TIME, start, steps + 1) for state in self.states),
            tuple(array.narrow(TIME, start, steps) for array in self.local),
        )


@dataclass(slots=True)
class Flow:
    """State gradients while they flow back: dL/dh, and dL/dc of lstm, as (T + 1, B, H), like a trace's states.

    `dh` comes in with what reaches each state other than through the next one: every step's, if `direct`, or the last
    step's alone, the others being unset. It leaves as the total. `dc` comes in set at its last step alone.
    """

    dh: Tensor
    direct: bool
    dc: Tensor | None = None

    def first(self) -> tuple[Tensor, ...]:
        """Return the gradients with respect to the states before the first step."""
        return tuple(d.select(TIME, 0) for d in (self.dh, self.dc) if d is not None)


class Cell(ABC):
    """One layer unrolled over time."""

    states: int = 1

    @abstractmethod
    def forward(self, x: Tensor, weights: Weights, start: tuple[Tensor, ...]) -> Trace:
        """Run over all steps of x (T, B, I) from the states `start`, (B, H) each."""

    @abstractmethod
    def backward(self, trace: Trace, weights: Weights, flow: Flow) -> Tensor:
        """Complete the flow from the last step to the first; return what `weight_gradients` reads."""

    def weight_gradients(self, trace: Trace, dz: Tensor) -> Weights:
        """Return the gradients of the weights from dL/dz (T, B, G H): one product over all steps each."""
        dz, before = rows(dz), rows(trace.states[0].narrow(TIME, 0, dz.shape[TIME]))
        db = dz.sum(-2)
        return Weights(weight_gradient(dz, rows(trace.x)), weight_gradient(dz, before), db, db.clone())

    def input_gradient(self, dz: Tensor, weights: Weights, out: Tensor) -> None:
        """Set `out` (T, B, I) to dL/dx = dz W_ih."""
        product(rows(out), rows(dz), weights.ih)


def rows(array: Tensor) -> Tensor:
    """Return (T, B, N) as (T B, N), time and batch together; a view."""
    return array.flatten(TIME, TIME + 1)


def project(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return x weight^T + bias for all steps in one product, (T, B, N)."""
    flat = affine(rows(x), weight, bias)
    return flat.view(*flat.shape[:-2], *x.shape[TIME:-1], flat.shape[-1])


def history(start: Tensor, steps: int) -> Tensor:
    """Return an array (T + 1, B, H) with `start` at its first step and room for the others."""
    array = start.new_empty(*start.shape[:-2], steps + 1, *start.shape[-2:])
    array.select(TIME, 0).copy_(start)
    return array


def chunks(array: Tensor) -> Iterator[slice]:
    """Yield the time steps of an array from the last to the first, in runs short enough to stay in the cache."""
    steps = array.shape[TIME]
    length = max(1, CHUNK * steps // array.numel())
    for stop in range(steps, 0, -length):
        yield slice(max(0, stop - length), stop)


def at(array: Tensor, steps: slice) -> Tensor:
    """Return the given time steps of an array."""
    return array.narrow(TIME, steps.start, steps.stop - steps.start)


def gates(array: Tensor, count: int) -> Tensor:
    """Return (T, B, G H) as (T, B, G, H), one block a gate."""
    return array.view(*array.shape[:-1], count, -1)
