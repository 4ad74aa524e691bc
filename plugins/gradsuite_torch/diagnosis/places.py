"""Where in an array a number is: which step, of which sequence, in words."""

from typing import NamedTuple

import torch
from torch import Tensor


class Axes(NamedTuple):
    """How many steps and sequences there are, and which axis comes first; without recurrent layers `steps` is None."""

    steps: int | None
    size: int
    batch_first: bool


class Place(NamedTuple):
    """Words for one number of an array, and its step, if the array has steps."""

    words: str
    step: int | None


def first_odd(array: Tensor, axes: Axes | None, *, last: bool = False) -> Place | None:
    """Return where the first number is that is not finite: at the first step, or the last; None if all are finite."""
    odd = (~array.detach().isfinite()).nonzero().cpu()
    if not len(odd):
        return None
    time, size = _axes_of(array, axes)
    if time is None:
        return _described(odd[0], None, size)
    steps = odd[:, time]
    chosen = odd[steps == (steps.max() if last else steps.min())][0]
    return _described(chosen, time, size)


def _axes_of(array: Tensor, axes: Axes | None) -> tuple[int | None, int | None]:
    """Return the axes of time and of the batch, as far as lengths tell."""
    if axes is None or not array.dim():
        return None, None
    shape = tuple(array.shape[:2])
    both = {(axes.size, axes.steps): (1, 0), (axes.steps, axes.size): (0, 1)}
    orders = list(both) if axes.batch_first else list(both)[::-1]
    for order in orders:
        if shape == order:
            return both[order]
    return (None, 0) if shape[:1] == (axes.size,) else (None, None)


def _described(index: Tensor, time: int | None, size: int | None) -> Place:
    numbers: list[int] = torch.as_tensor(index).tolist()
    rest = [number for axis, number in enumerate(numbers) if axis not in (time, size)]
    words = [f"number {', '.join(map(str, rest))}"] if rest else []
    if size is not None:
        words.append(f"{'of ' if words else ''}sequence {numbers[size]}")
    step = None if time is None else numbers[time]
    return Place(" ".join(words) + (f" at step {step}" if step is not None else ""), step)
