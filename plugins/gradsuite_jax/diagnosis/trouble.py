"""Where the first number that is not finite comes from, in arrays whose steps come first."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from gradsuite.diagnosis.patient import Trouble


def find_trouble(
    batch: Any, states: np.ndarray, loss: float, gradients: np.ndarray, by_output: Mapping[str, Any], *, time: int = 0
) -> Trouble | None:
    """Return the trouble, None if loss and gradients are finite.

    `states` and `gradients` are (T, B, H) of one carry; in `by_output`, and in what the batch holds, axis `time` is
    that of steps.
    """
    if np.isfinite(loss) and np.isfinite(gradients).all():
        return None
    for path, leaf in jax.tree_util.tree_leaves_with_path(batch):
        if (odd := _first(np.asarray(leaf), time)) is not None:
            return Trouble("data", f"{jax.tree_util.keystr(path)} of the batch, {odd[0]}", odd[1])
    if (odd := _first(states, 0)) is not None:
        return Trouble("forward", f"the carry, {odd[0]}", odd[1], 0)
    odd = _first(np.asarray(jax.tree.leaves(by_output)[0]), time)
    if not np.isfinite(loss):
        return Trouble("loss", f"the loss is {loss:g}", None if odd is None else odd[1])
    if odd is not None:
        return Trouble("backward", f"the loss's gradient by the output, {odd[0]}", odd[1])
    steps = np.flatnonzero(~np.isfinite(gradients).all(axis=(1, 2)))
    return Trouble("backward", f"the gradient by the carry, at step {steps[-1]}", int(steps[-1]), 0)


def _first(array: np.ndarray, time: int) -> tuple[str, int | None] | None:
    """Return where the first number is that is not finite, in words, and its step, if the array has steps."""
    if not np.issubdtype(array.dtype, np.inexact) or np.isfinite(array).all():
        return None
    places = np.argwhere(~np.isfinite(array))
    if array.ndim < 2:
        return f"number {', '.join(map(str, places[0]))}", None
    place = places[np.argmin(places[:, time])]
    words = f"input {', '.join(map(str, place[2:]))} of " if array.ndim > 2 else ""
    return f"{words}sequence {place[1 - time]} at step {place[time]}", int(place[time])
