"""Backpropagation through time over the whole sequence (Werbos 1990)."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from gradsuite.model import Model

from gradsuite_jax import head, unroll

Array = jax.Array
Arrays = Mapping[str, Array]
Derivatives = tuple[dict[str, Array], tuple[Array, ...] | None]  # gradients of parameters, and of states if asked for


def forward(model: Model, parameters: Arrays, x: Array, targets: Array) -> tuple[Array, Array, Any]:
    """Return loss, outputs and what backward needs."""
    saved, _ = unroll.forward(model, parameters, x, unroll.zero_state(model, x.shape[1], x.dtype))
    y = head.readout(model, parameters, seen(model, saved[-1].h))
    return head.loss(model, y, targets), y, saved


def backward(
    model: Model, parameters: Arrays, x: Array, targets: Array, y: Array, saved: Any, *, states: bool
) -> Derivatives:
    """Return the parameter gradients and, if `states`, dL/dh and for lstm dL/dc, each (T, layers, B, H)."""
    top = seen(model, saved[-1].h)
    gradients, d_top = head.readout_backward(model, parameters, top, head.loss_backward(model, y, targets))
    start = unroll.zero_state(model, x.shape[1], x.dtype)
    back = unroll.backward(model, parameters, x, start, saved, *from_top(model, d_top), totals=states)
    return gradients | back.gradients, stack_layers(back.totals) if states else None


def seen(model: Model, h: Array) -> Array:
    """Return the states that the readout reads, of h (T, B, H): all, or the last."""
    return h if model.readout == "all" else h[-1]


def from_top(model: Model, d_top: Array) -> tuple[Array | None, list[unroll.State]]:
    """Return dL/dh_t of the top layer, or None, and dL/d(end state) of all, from dL/d(what the readout reads)."""
    d_end = unroll.zero_state(model, d_top.shape[-2], d_top.dtype)
    if model.readout == "all":
        return d_top, d_end
    d_end[-1] = (d_top, *d_end[-1][1:])
    return None, d_end


def stack_layers(totals: Any) -> tuple[Array, ...]:
    """Return (T, layers, B, H) for h and for c, from one (T, B, H) per layer."""
    return tuple(jnp.stack(parts, axis=1) for parts in zip(*totals, strict=True))
