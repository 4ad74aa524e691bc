"""The way from what layers put out to what reads it, and of gradients back: padding, masks and directions.

Layers in each of their directions are numbered as `model.layers_and_directions` has them; the arrays of each are in the
order in which it reads, (T, B, H). Without padding, masks and a second direction, the way is the array itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from gradsuite.model import Model
from torch import Tensor

from gradsuite_torch.network import DeviceBatch
from gradsuite_torch.padding import Padding, reverse
from gradsuite_torch.trace import TIME, States, Trace


@dataclass(frozen=True, slots=True)
class Route:
    """What a batch, or a window of its steps, has on the way; `masks` are (T, layers, B, H), or one for all steps."""

    model: Model
    padding: Padding | None = None
    masks: Tensor | None = None

    @classmethod
    def of(cls, model: Model, batch: DeviceBatch) -> "Route":
        """Return the way of a batch."""
        return cls(model, batch.padding, batch.masks)

    def window(self, first: int, last: int) -> "Route":
        """Return the way of the steps [first, last)."""
        if self.padding is None and self.masks is None:
            return self
        padding = None if self.padding is None else self.padding.window(first, last)
        each = self.masks is not None and len(self.masks) > 1
        return replace(self, padding=padding, masks=self.masks[first:last] if each else self.masks)  # type: ignore[index]

    @property
    def direct(self) -> bool:
        """Whether what a layer puts out is, as it is, what the next one reads."""
        return self.masks is None and not self.model.bidirectional

    def to_layer(self, x: Tensor, number: int) -> Tensor:
        """Return x (T, B, N) as a layer reads it: turned around by a backward one."""
        return reverse(x, self.padding) if self.backward(number) else x

    def from_layer(self, array: Tensor, number: int) -> Tensor:
        """Return what belongs to a layer's steps in the order of time, which turning around again is."""
        return self.to_layer(array, number)

    def up(self, traces: Sequence[Trace], layer: int) -> Tensor:
        """Return what a layer puts out (T, B, directions H), given the traces of its directions."""
        parts = []
        for number, trace in zip(self.numbers(layer), traces, strict=True):
            out = self.from_layer(trace.outputs, number)
            parts.append(out if self.masks is None else out * self.masks[:, number])
        return beside(parts)

    def down(self, gradient: Tensor, layer: int) -> list[Tensor]:
        """Return the gradient by what a layer puts out (T, B, directions H) as those by its directions' states."""
        parts = []
        for number, part in zip(self.numbers(layer), gradient.chunk(self.model.directions, -1), strict=True):
            parts.append(self.to_layer(part if self.masks is None else part * self.masks[:, number], number))
        return parts

    def up_last(self, states: Sequence[Tensor], layer: int) -> Tensor:
        """Return the last of what a layer puts out (B, directions H), given the last h of its directions."""
        numbers = self.numbers(layer)
        return beside([self._masked_last(h, number) for number, h in zip(numbers, states, strict=True)])

    def down_last(self, gradient: Tensor, layer: int) -> list[Tensor]:
        """Return the gradient (B, directions H) by the last of what a layer puts out as those by its last h (B, H)."""
        parts = zip(self.numbers(layer), gradient.chunk(self.model.directions, -1), strict=True)
        return [self._masked_last(part, number) for number, part in parts]

    def at_last(self, gradient: Tensor) -> Tensor:
        """Return the gradient (B, H) by the last states as that by the last k steps' states (k, B, H)."""
        return gradient.unsqueeze(TIME) if self.padding is None else self.padding.at_last(gradient)

    def last(self, trace: Trace) -> States:
        """Return the states after each sequence's last step."""
        return trace.last if self.padding is None else tuple(self.padding.after(state) for state in trace.states)

    def numbers(self, layer: int) -> range:
        """Return the numbers of a layer's directions."""
        directions = self.model.directions
        return range(layer * directions, (layer + 1) * directions)

    def backward(self, number: int) -> bool:
        """Whether this is a backward direction."""
        return number % self.model.directions == 1

    def _masked_last(self, array: Tensor, number: int) -> Tensor:
        """Return (B, H) times the mask of each sequence's last step, in a layer's order of reading."""
        if self.masks is None:
            return array
        masks = self.masks[:, number]
        if self.padding is None or len(masks) == 1 or self.backward(number):
            return array * masks[0 if self.backward(number) else -1]
        return array * self.padding.last(masks)


def beside(parts: list[Tensor]) -> Tensor:
    """Return what the directions of a layer put out, side by side."""
    return parts[0] if len(parts) == 1 else torch.cat(parts, -1)
