"""Backpropagation through time over the whole sequence (Werbos 1990)."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from gradsuite.model import Model

from gradsuite_jax import directions, head, unroll
from gradsuite_jax.batch import DeviceBatch, State, zero_state
from gradsuite_jax.stretch import Stretch

Array = jax.Array
Arrays = Mapping[str, Array]
Forward = tuple[Array, Array, Any, tuple[Array, ...] | None]  # loss, outputs, what backward needs, and the last states
# Gradients of parameters; of states if asked for; and of the batch's own state if it has one.
Derivatives = tuple[dict[str, Array], tuple[Array, ...] | None, tuple[Array, ...] | None]


def forward(model: Model, parameters: Arrays, batch: DeviceBatch) -> Forward:
    """Return loss, outputs, what backward needs, and the last states of a batch with a state."""
    stretch = Stretch.of(batch)
    counted = stretch.counted(model)
    saved, end = unroll.forward(model, parameters, stretch, batch.start(model))
    y = head.readout(model, parameters, seen(model, stretch, saved), counted)
    return head.loss(model, y, batch.targets, counted), y, saved, batch.of_state(end)


def backward(
    model: Model, parameters: Arrays, batch: DeviceBatch, y: Array, saved: Any, *, states: bool
) -> Derivatives:
    """Return the parameter gradients, if `states` dL/dh and for lstm dL/dc, each (T, layers, B, H), and by a state."""
    stretch, start = Stretch.of(batch), batch.start(model)
    dy = head.loss_backward(model, y, batch.targets, stretch.counted(model))
    gradients, d_top = head.readout_backward(model, parameters, seen(model, stretch, saved), dy)
    back = unroll.backward(model, parameters, stretch, start, saved, *from_top(model, stretch, d_top), totals=states)
    return gradients | back.gradients, stack_layers(back.totals) if states else None, batch.of_state(back.start)


def seen(model: Model, stretch: Stretch, saved: Sequence[unroll.Saved]) -> Array:
    """Return what the readout reads: what the top layer puts out at all steps, or at the last."""
    if model.readout == "all":
        return unroll.read_by(model, stretch, saved, model.num_layers)
    return last(model, stretch, [(layer.h[-1],) for layer in saved])


def last(model: Model, stretch: Stretch, states: Sequence[State]) -> Array:
    """Return what the top layer puts out at the last step, of all layers' last states."""
    top = directions.of_layer(model, model.num_layers - 1)
    return directions.beside([stretch.masked_last(states[n][0], n, reverse=reverse) for n, reverse in top])


def from_top(model: Model, stretch: Stretch, d_top: Array) -> tuple[Array | None, list[State]]:
    """Return dL/d(output) of the top layer, or None, and dL/d(end state) of all, from dL/d(what the readout reads)."""
    d_end = zero_state(model, d_top.shape[-2], d_top.dtype)
    if model.readout == "all":
        return d_top, d_end
    for n, reverse in directions.of_layer(model, model.num_layers - 1):
        of_last = stretch.masked_last(directions.part(model, d_top, reverse=reverse), n, reverse=reverse)
        d_end[n] = (of_last, *d_end[n][1:])
    return None, d_end


def stack_layers(totals: Any) -> tuple[Array, ...]:
    """Return (T, layers, B, H) for h and for c, from one (T, B, H) per layer."""
    return tuple(jnp.stack(parts, axis=1) for parts in zip(*totals, strict=True))
