"""Backpropagation through time over the whole sequence (Werbos 1990)."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from gradsuite.model import Model

from gradsuite_jax import head, unroll

Array = jax.Array
Arrays = Mapping[str, Array]


def forward(model: Model, parameters: Arrays, x: Array, targets: Array) -> tuple[Array, Array, Any]:
    """Return loss, outputs and what backward needs."""
    saved, _ = unroll.forward(model, parameters, x, unroll.zero_state(model, x.shape[1], x.dtype))
    y = head.readout(model, parameters, seen(model, saved[-1].h))
    return head.loss(model, y, targets), y, saved


def backward(
    model: Model, parameters: Arrays, x: Array, targets: Array, y: Array, saved: Any, *, states: bool
) -> tuple[dict[str, Array], tuple[Array, ...] | None]:
    """Return the parameter gradients and, if `states`, dL/dh and for lstm dL/dc, each (T, layers, B, H)."""
    top = seen(model, saved[-1].h)
    gradients, d_top = head.readout_backward(model, parameters, top, head.loss_backward(model, y, targets))
    start = unroll.zero_state(model, x.shape[1], x.dtype)
    d_end = list(start)
    if model.readout == "all":
        back = unroll.backward(model, parameters, x, start, saved, d_top, d_end, totals=states)
    else:
        d_end[-1] = (d_top, *d_end[-1][1:])
        back = unroll.backward(model, parameters, x, start, saved, None, d_end, totals=states)
    return gradients | back.gradients, stack_layers(back.totals) if states else None


def seen(model: Model, h: Array) -> Array:
    """Return the states that the readout sees, of h (T, B, H): all, or the last."""
    return h if model.readout == "all" else h[-1]


def stack_layers(totals: Any) -> tuple[Array, ...]:
    """Return (T, layers, B, H) for h and for c, from one (T, B, H) a layer."""
    return tuple(jnp.stack(parts, axis=1) for parts in zip(*totals, strict=True))
