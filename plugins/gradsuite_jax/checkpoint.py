"""BPTT that keeps only the states of every n-th step and recomputes the others (Chen et al. 2016, sec. 4)."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from gradsuite.model import Model
from jax import lax

from gradsuite_jax import head, unroll
from gradsuite_jax.bptt import Derivatives, from_top, stack_layers
from gradsuite_jax.segments import join, pieces

Array = jax.Array
Arrays = Mapping[str, Array]


def forward(n: int, model: Model, parameters: Arrays, x: Array, targets: Array) -> tuple[Array, Array, Any]:
    """Return loss, outputs, and the states before each segment with, if the readout reads it, the last h."""

    def segment(start: Any, x: Array) -> tuple[Any, Any]:
        saved, end = unroll.forward(model, parameters, x, start)
        return end, (start, head.readout(model, parameters, saved[-1].h) if model.readout == "all" else None)

    state = unroll.zero_state(model, x.shape[1], x.dtype)
    starts, outputs = [], []
    for piece in pieces(x, n):
        state, (before, y) = lax.scan(segment, state, piece)
        starts.append(before)
        outputs.append(y)
    h = state[-1][0]
    y = join(outputs) if model.readout == "all" else head.readout(model, parameters, h)
    return head.loss(model, y, targets), y, (starts, h)


def backward(
    n: int, model: Model, parameters: Arrays, x: Array, targets: Array, y: Array, saved: Any, *, states: bool
) -> Derivatives:
    """Return the parameter gradients and, if `states`, dL/dh and for lstm dL/dc, each (T, layers, B, H)."""

    def segment(carry: Any, slices: Any) -> Any:
        d_end, gradients = carry
        start, x, dy = slices
        kept, _ = unroll.forward(model, parameters, x, start)
        part, dh = ({}, None) if dy is None else head.readout_backward(model, parameters, kept[-1].h, dy)
        back = unroll.backward(model, parameters, x, start, kept, dh, d_end, totals=states)
        part |= back.gradients
        gradients = {name: g + part[name] if name in part else g for name, g in gradients.items()}
        return (back.start, gradients), stack_layers(back.totals) if states else None

    starts, h = saved
    gradients = {name: jnp.zeros_like(p) for name, p in parameters.items()}
    dys: list[Any] = [None] * len(starts)
    dy = head.loss_backward(model, y, targets)
    if model.readout == "all":
        dys, d_end = pieces(dy, n), unroll.zero_state(model, x.shape[1], x.dtype)
    else:
        of_readout, d_top = head.readout_backward(model, parameters, h, dy)
        gradients |= of_readout
        _, d_end = from_top(model, d_top)
    carry, totals = (d_end, gradients), []
    for slices in reversed(list(zip(starts, pieces(x, n), dys, strict=True))):
        carry, of_states = lax.scan(segment, carry, slices, reverse=True)
        totals.append(of_states)
    return carry[1], tuple(join(parts) for parts in zip(*reversed(totals), strict=True)) if states else None
