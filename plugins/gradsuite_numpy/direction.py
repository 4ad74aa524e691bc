"""A layer that reads sequences from one of their ends, and the mask of what it puts out."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gradsuite_numpy.arrays import Array
from gradsuite_numpy.layer import Layer, LayerGradients, State
from gradsuite_numpy.stretch import Stretch
from gradsuite_numpy.workspace import Workspace


class Trace(NamedTuple):
    """What a layer read, what it saved, what it puts out, masked, and the mask: all in the order of its direction."""

    x: Array
    saved: Any
    out: Array
    mask: Array | None


class Direction:
    """A layer that reads sequences from the first step on, or from the last one if `reverse`, in an order of its own.

    `number` is its place among all layers and directions; `name_of` turns its parameters' names into the model's.
    """

    def __init__(self, layer: Layer, number: int, name_of: Callable[[str], str], *, reverse: bool) -> None:
        self.layer, self.number, self.name_of, self.reverse = layer, number, name_of, reverse

    def forward(self, x: Array, start: State, stretch: Stretch, workspace: Workspace) -> Trace:
        """Run over x (..., T, B, I), which is in the order of time."""
        room = workspace.room(self.number)
        if self.reverse:
            x = stretch.turned(x, room("turned", x.shape))
        saved = self.layer.forward(x, start, room)
        if stretch.lengths is not None:
            stretch.clear(*self.layer.kept(saved))
        out, mask = self.layer.output(saved), stretch.mask(self.number, reverse=self.reverse)
        if mask is not None:
            out = np.multiply(out, mask, out=room("masked", out.shape))
        return Trace(x, saved, out, mask)

    def dout(self, dstates: list[State], workspace: Workspace) -> Array:
        """Return where dL/d(out) (..., T, B, H) is to be written."""
        return self.layer.output_gradient(dstates[self.number], workspace.room(self.number))

    def backward(self, trace: Trace, dout: Array, dstates: State, carry: State, *, direct: bool) -> Any:
        """Walk back from dL/d(out), of which only the last row is set unless `direct`; return the layer's dL/dz.

        `carry` is what reaches the last states from later stretches, if any does.
        """
        if trace.mask is not None:
            read = slice(None) if direct else slice(-1, None)
            np.multiply(dout[read], trace.mask[read], out=dout[read])
        for d, later in zip(dstates, carry, strict=False):
            d[..., -1, :, :] += later
        return self.layer.backward(trace.saved, dstates, direct=direct)

    def gradients(self, trace: Trace, dz: Any) -> LayerGradients:
        """Return the gradients of the parameters by the model's names."""
        part = self.layer.gradients(trace.x, trace.saved, dz)
        return {self.name_of(name): gradient for name, gradient in part.items()}
