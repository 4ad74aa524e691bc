"""Truncated BPTT (Williams & Peng 1990): losses of k1 steps at a time go back through at most k2 steps."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from gradsuite.model import Model
from jax import lax

from gradsuite_jax import bptt, head, unroll
from gradsuite_jax.batch import DeviceBatch, State, zero_state
from gradsuite_jax.bptt import Derivatives, Forward
from gradsuite_jax.stretch import Stretch

Array = jax.Array
Arrays = Mapping[str, Array]
Horizon = tuple[int, int]  # k1, k2


def forward(horizon: Horizon, model: Model, parameters: Arrays, batch: DeviceBatch) -> Forward:
    """Return loss, outputs, and what backward needs: only of the last k2 steps if the loss reads no others."""
    whole, start, steps = Stretch.of(batch), batch.start(model), len(batch.inputs)
    keep = steps if has_every_window(model, batch) else min(horizon[1], steps)
    for piece in whole.between(0, steps - keep).pieces(keep):
        start, _ = lax.scan(lambda state, x: (unroll.forward(model, parameters, x, state)[1], None), start, piece)
    stretch = whole.between(steps - keep, steps)
    saved, end = unroll.forward(model, parameters, stretch, start)
    counted = stretch.counted(model)
    y = head.readout(model, parameters, bptt.seen(model, stretch, saved), counted)
    return head.loss(model, y, batch.targets, counted), y, (start, saved), batch.of_state(end)


def backward(
    horizon: Horizon, model: Model, parameters: Arrays, batch: DeviceBatch, y: Array, saved: Any, *, states: bool
) -> Derivatives:
    """Return the parameter gradients, if `states` dL/dh and for lstm dL/dc, each (T, layers, B, H), and by a state."""
    start, kept = saved
    steps = len(batch.inputs)
    forgotten = steps - len(kept[0].h)
    stretch = Stretch.of(batch).between(forgotten, steps)
    dy = head.loss_backward(model, y, batch.targets, stretch.counted(model))
    of_readout, d_top = head.readout_backward(model, parameters, bptt.seen(model, stretch, kept), dy)
    dh, d_end = bptt.from_top(model, stretch, d_top)
    if has_every_window(model, batch):
        gradients, totals, by_start = _windows(horizon, model, parameters, batch, kept, dh, d_end, states=states)
    else:
        back = unroll.backward(model, parameters, stretch, start, kept, dh, d_end, totals=states)
        ahead = ((forgotten, 0), (0, 0), (0, 0), (0, 0))
        totals = tuple(jnp.pad(total, ahead) for total in bptt.stack_layers(back.totals)) if states else None
        gradients = back.gradients
        by_start = batch.of_state(zero_state(model, y.shape[0], y.dtype) if forgotten else back.start)
    return of_readout | gradients, totals, by_start


def has_every_window(model: Model, batch: DeviceBatch) -> bool:
    """Whether losses stand at other steps than the last of the batch."""
    return model.readout == "all" or batch.lengths is not None


def _windows(
    horizon: Horizon,
    model: Model,
    parameters: Arrays,
    batch: DeviceBatch,
    saved: Sequence[unroll.Saved],
    dh: Array | None,
    d_end: list[State],
    *,
    states: bool,
) -> Derivatives:
    """Return the sums of the gradients of all windows, computed one after another."""
    stretch, start = Stretch.of(batch), batch.start(model)
    k1, length = horizon[0], min(horizon[1], len(stretch.x))

    def window(carry: Any, end: Array) -> tuple[Any, None]:
        gradients, totals, by_start = carry
        begin = jnp.maximum(end - length, 0)
        t = (begin + jnp.arange(length))[:, None, None]

        def cut(sequence: Array) -> Array:
            return lax.dynamic_slice_in_dim(sequence, begin, length)

        # A window that would begin before the first step extends past its end instead: nothing flows from there.
        kept = jax.tree.map(lambda a: jnp.where(t < end, cut(a), 0), saved)
        direct = None if dh is None else jnp.where((t >= end - k1) & (t < end), cut(dh), 0)
        of_window = d_end if batch.lengths is None else _ending(batch.lengths, d_end, end - k1, end)
        before = [(jnp.where(begin > 0, layer.h[begin - 1], h),) for layer, (h, *_) in zip(saved, start, strict=True)]
        part = stretch.window(begin, length)
        back = unroll.backward(model, parameters, part, before, kept, direct, of_window, totals=states)
        gradients = {name: g + back.gradients[name] for name, g in gradients.items()}
        if states:
            totals = tuple(
                lax.dynamic_update_slice_in_dim(total, cut(total) + part, begin, 0)
                for total, part in zip(totals, bptt.stack_layers(back.totals), strict=True)
            )
        of_start = batch.of_state(back.start)
        by_start = jax.tree.map(lambda total, part: total + jnp.where(begin > 0, 0, part), by_start, of_start)
        return (gradients, totals, by_start), None

    gradients = {name: jnp.zeros_like(p) for name, p in parameters.items() if not name.startswith("readout")}
    shape = model.states_shape(stretch.x.shape)
    totals = tuple(jnp.zeros(shape, stretch.x.dtype) for _ in start[0]) if states else None
    by_start = jax.tree.map(jnp.zeros_like, batch.state)
    return lax.scan(window, (gradients, totals, by_start), jnp.arange(len(stretch.x), 0, -k1))[0]


def _ending(lengths: Array, d_end: list[State], begin: Array, end: Array) -> list[State]:
    """Return the gradients by the end states of the sequences whose last step is in [begin, end), else zero."""
    inside = (begin < lengths) & (lengths <= end)
    return jax.tree.map(lambda d: jnp.where(inside[:, None], d, 0), d_end)
