"""Truncated BPTT (Williams & Peng 1990): losses of k1 steps at a time go back through at most k2 steps."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from gradsuite.model import Model
from jax import lax

from gradsuite_jax import head, unroll
from gradsuite_jax.bptt import Derivatives, from_top, seen, stack_layers
from gradsuite_jax.segments import pieces

Array = jax.Array
Arrays = Mapping[str, Array]
Horizon = tuple[int, int]  # k1, k2


def forward(horizon: Horizon, model: Model, parameters: Arrays, x: Array, targets: Array) -> tuple[Array, Array, Any]:
    """Return loss, outputs, and what backward needs: only of the last k2 steps if the loss reads no others."""
    steps = len(x)
    keep = steps if model.readout == "all" else min(horizon[1], steps)
    start = unroll.zero_state(model, x.shape[1], x.dtype)
    for piece in pieces(x[: steps - keep], keep):
        start, _ = lax.scan(lambda state, x: (unroll.forward(model, parameters, x, state)[1], None), start, piece)
    saved, _ = unroll.forward(model, parameters, x[steps - keep :], start)
    y = head.readout(model, parameters, seen(model, saved[-1].h))
    return head.loss(model, y, targets), y, (start, saved)


def backward(
    horizon: Horizon, model: Model, parameters: Arrays, x: Array, targets: Array, y: Array, saved: Any, *, states: bool
) -> Derivatives:
    """Return the parameter gradients and, if `states`, dL/dh and for lstm dL/dc, each (T, layers, B, H)."""
    start, kept = saved
    top = seen(model, kept[-1].h)
    of_readout, d_top = head.readout_backward(model, parameters, top, head.loss_backward(model, y, targets))
    if model.readout == "all":
        gradients, totals = _windows(horizon, model, parameters, x, kept, d_top, states=states)
    else:
        keep = len(kept[0].h)
        back = unroll.backward(model, parameters, x[-keep:], start, kept, *from_top(model, d_top), totals=states)
        forgotten = ((len(x) - keep, 0), (0, 0), (0, 0), (0, 0))
        totals = tuple(jnp.pad(total, forgotten) for total in stack_layers(back.totals)) if states else None
        gradients = back.gradients
    return of_readout | gradients, totals


def _windows(
    horizon: Horizon, model: Model, parameters: Arrays, x: Array, saved: Any, dh: Array, *, states: bool
) -> Derivatives:
    """Return the sum of the gradients of all windows, computed one after another."""
    k1, length = horizon[0], min(horizon[1], len(x))
    zero = unroll.zero_state(model, x.shape[1], x.dtype)

    def window(carry: Any, end: Array) -> tuple[Any, None]:
        gradients, totals = carry
        begin = jnp.maximum(end - length, 0)
        t = (begin + jnp.arange(length))[:, None, None]

        def cut(sequence: Array) -> Array:
            return lax.dynamic_slice_in_dim(sequence, begin, length)

        # A window that would begin before the first step extends past its end instead: nothing flows from there.
        kept = jax.tree.map(lambda a: jnp.where(t < end, cut(a), 0), saved)
        direct = jnp.where((t >= end - k1) & (t < end), cut(dh), 0)
        before = [(jnp.where(begin > 0, layer.h[begin - 1], 0),) for layer in saved]
        back = unroll.backward(model, parameters, cut(x), before, kept, direct, zero, totals=states)
        gradients = {name: g + back.gradients[name] for name, g in gradients.items()}
        if states:
            of_window = stack_layers(back.totals)
            totals = tuple(
                lax.dynamic_update_slice_in_dim(total, cut(total) + part, begin, 0)
                for total, part in zip(totals, of_window, strict=True)
            )
        return (gradients, totals), None

    gradients = {name: jnp.zeros_like(p) for name, p in parameters.items() if not name.startswith("readout")}
    shape = model.states_shape(x.shape)
    totals = tuple(jnp.zeros(shape, x.dtype) for _ in zero[0]) if states else None
    return lax.scan(window, (gradients, totals), jnp.arange(len(x), 0, -k1))[0]
