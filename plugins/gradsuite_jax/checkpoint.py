"""BPTT that keeps only the states of every n-th step and recomputes the others (Chen et al. 2016, sec. 4)."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from gradsuite.model import Model
from jax import lax

from gradsuite_jax import bptt, head, unroll
from gradsuite_jax.batch import DeviceBatch, zero_state
from gradsuite_jax.bptt import Derivatives, Forward
from gradsuite_jax.segments import join, pieces
from gradsuite_jax.stretch import Stretch

Array = jax.Array
Arrays = Mapping[str, Array]


def forward(n: int, model: Model, parameters: Arrays, batch: DeviceBatch) -> Forward:
    """Return loss, outputs, the states before each segment with what is read last, and the last states."""
    every = model.readout == "all"

    def segment(start: Any, stretch: Stretch) -> tuple[Any, Any]:
        saved, end = unroll.forward(model, parameters, stretch, start)
        if not every:
            return end, (start, None)
        read = bptt.seen(model, stretch, saved)
        return end, (start, head.readout(model, parameters, read, stretch.counted(model)))

    stretch, state = Stretch.of(batch), batch.start(model)
    starts, outputs = [], []
    for piece in stretch.pieces(n):
        state, (before, y) = lax.scan(segment, state, piece)
        starts.append(before)
        outputs.append(y)
    read = bptt.last(model, stretch, state)
    y = join(outputs) if every else head.readout(model, parameters, read)
    loss = head.loss(model, y, batch.targets, stretch.counted(model))
    return loss, y, (starts, read), batch.of_state(state)


def backward(
    n: int, model: Model, parameters: Arrays, batch: DeviceBatch, y: Array, saved: Any, *, states: bool
) -> Derivatives:
    """Return the parameter gradients, if `states` dL/dh and for lstm dL/dc, each (T, layers, B, H), and by a state."""

    def segment(carry: Any, slices: Any) -> Any:
        d_end, gradients = carry
        start, stretch, dy = slices
        kept, _ = unroll.forward(model, parameters, stretch, start)
        part: dict[str, Array] = {}
        dh = None
        if dy is not None:
            part, dh = head.readout_backward(model, parameters, bptt.seen(model, stretch, kept), dy)
        back = unroll.backward(model, parameters, stretch, start, kept, dh, d_end, totals=states)
        part |= back.gradients
        gradients = {name: g + part[name] if name in part else g for name, g in gradients.items()}
        return (back.start, gradients), bptt.stack_layers(back.totals) if states else None

    starts, read = saved
    stretch = Stretch.of(batch)
    gradients = {name: jnp.zeros_like(p) for name, p in parameters.items()}
    dys: list[Any] = [None] * len(starts)
    dy = head.loss_backward(model, y, batch.targets, stretch.counted(model))
    if model.readout == "all":
        dys, d_end = pieces(dy, n), zero_state(model, y.shape[1], y.dtype)
    else:
        of_readout, d_top = head.readout_backward(model, parameters, read, dy)
        gradients |= of_readout
        _, d_end = bptt.from_top(model, stretch, d_top)
    carry, totals = (d_end, gradients), []
    for slices in reversed(list(zip(starts, stretch.pieces(n), dys, strict=True))):
        carry, of_states = lax.scan(segment, carry, slices, reverse=True)
        totals.append(of_states)
    by_state = tuple(join(parts) for parts in zip(*reversed(totals), strict=True)) if states else None
    return carry[1], by_state, batch.of_state(carry[0])
