"""What a network's layer, in one direction or both, has read of a stretch, and the way back through it."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from gradsuite_numpy.arrays import Array, blocks
from gradsuite_numpy.direction import Direction
from gradsuite_numpy.layer import LayerGradients, State
from gradsuite_numpy.stretch import Stretch
from gradsuite_numpy.workspace import Workspace

Directions = list[Direction]  # of one layer: forward, and backward if the model is bidirectional


class Reading:
    """One layer's pass over a stretch. The layer above, or the readout, reads what its directions put out side by side.

    Lists of states hold those of all layers and directions, by their numbers.
    """

    def __init__(
        self, directions: Directions, x: Array, starts: list[State], stretch: Stretch, workspace: Workspace
    ) -> None:
        """Run forward over x (..., T, B, I)."""
        self.directions, self.stretch, self.workspace = directions, stretch, workspace
        self.traces = [one.forward(x, starts[one.number], stretch, workspace) for one in directions]

    @cached_property
    def out(self) -> Array:
        """What the directions put out (..., T, B, F), in the order of time."""
        if len(self.traces) == 1:
            return self.traces[0].out
        ahead, back = (trace.out for trace in self.traces)
        both = self.workspace.array(f"both.{self.directions[0].number}", (*back.shape[:-1], 2 * back.shape[-1]))
        return np.concatenate([ahead, self.stretch.turned(back)], axis=-1, out=both)

    def last(self, before: Array | None) -> Array:
        """Return the last of each direction's outputs (..., B, F), those `before` of sequences that ended there."""
        if len(self.traces) == 1:
            return self.stretch.last(self.traces[0].out, before)
        return np.concatenate([self.stretch.last(trace.out, None) for trace in self.traces], axis=-1)

    def after(self) -> list[State]:
        """Return the states after the last step, of each direction."""
        return [
            tuple(map(self.stretch.after, one.layer.states(trace.saved)))
            for one, trace in zip(self.directions, self.traces, strict=True)
        ]

    def put_last(self, dlast: Array, dstates: list[State], losses: int) -> None:
        """Write dL/d(last outputs) to where each direction wants it, of steps `losses` or later."""
        for one, part in zip(self.directions, blocks(dlast, len(self.directions)), strict=True):
            self.stretch.put_last(part, one.dout(dstates, self.workspace), losses)

    def put(self, write: Callable[[Array], Any], dstates: list[State]) -> Any:
        """Have `write(dout)` write dL/d(out) (..., T, B, F), and return what it returns."""
        douts = [one.dout(dstates, self.workspace) for one in self.directions]
        if len(douts) == 1:
            return write(douts[0])
        dout = self.workspace.array("dout", (*douts[0].shape[:-1], 2 * douts[0].shape[-1]))
        returned = write(dout)
        ahead, back = blocks(dout, 2)
        np.copyto(douts[0], ahead)
        self.stretch.turned(back, douts[1])
        return returned

    def backward(self, dstates: list[State], carry: list[State], *, direct: bool) -> LayerGradients:
        """Walk back from what was put; return the gradients of the parameters by the model's names."""
        self.dz: list[Any] = []
        gradients: LayerGradients = {}
        for one, trace in zip(self.directions, self.traces, strict=True):
            dout, later = one.dout(dstates, self.workspace), carry[one.number] if carry else ()
            self.dz.append(one.backward(trace, dout, dstates[one.number], later, direct=direct))
            gradients |= one.gradients(trace, self.dz[-1])
        return gradients

    def pull(self, dx: Array) -> None:
        """Write dL/dx (..., T, B, I), after `backward`."""
        for one, dz in zip(self.directions, self.dz, strict=True):
            if not one.reverse:
                one.layer.pull(dz, dx)
                continue
            part = self.workspace.array("dx", dx.shape)
            one.layer.pull(dz, part)
            dx += self.stretch.turned(part)
