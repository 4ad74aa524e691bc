"""All recurrent layers over a stretch of time; products with inputs and for weight gradients stay outside the loops."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from gradsuite.model import Model
from jax import lax

from gradsuite_jax import gru, lstm, rnn
from gradsuite_jax.weights import Weights, layer_weights

Array = jax.Array
Arrays = Mapping[str, Array]
State = tuple[Array, ...]  # of one layer: (h,), or (h, c) for lstm, each (B, H)

CELLS: dict[str, Any] = {"rnn": rnn, "lstm": lstm, "gru": gru}


class Saved(NamedTuple):
    """What backward needs of one layer: h_t (T, B, H), and what its cell keeps, each with a leading axis T."""

    h: Array
    kept: tuple[Array, ...]


class Back(NamedTuple):
    """What backward gives: parameter gradients, dL/d(state before the stretch), and the total dL/d(state_t).

    `totals` holds, per layer, the total derivatives by (h,) or (h, c), each (T, B, H), or None if not asked for.
    """

    gradients: dict[str, Array]
    start: list[State]
    totals: list[State | None]


def zero_state(model: Model, batch_size: int, dtype: Any) -> list[State]:
    """Return the state before the first step, for each layer."""
    zeros = jnp.zeros((batch_size, model.hidden_size), dtype)
    state = (zeros, zeros) if model.cell == "lstm" else (zeros,)
    return [state] * model.num_layers


def forward(model: Model, parameters: Arrays, x: Array, start: Sequence[State]) -> tuple[list[Saved], list[State]]:
    """Run x (T, B, I) through all layers from their start states; return what to save and the end states."""
    cell = CELLS[model.cell]
    saved, end = [], []
    for layer, state in enumerate(start):
        w = layer_weights(model, parameters, layer)

        def step(state: State, x: Array, w: Weights = w) -> tuple[State, Saved]:
            state, kept = cell.forward(w, state, x)
            return state, Saved(state[0], kept)

        state, layer_saved = lax.scan(step, state, x @ w.weight_ih.T)
        saved.append(layer_saved)
        end.append(state)
        x = layer_saved.h
    return saved, end


def backward(
    model: Model,
    parameters: Arrays,
    x: Array,
    start: Sequence[State],
    saved: Sequence[Saved],
    dh: Array | None,
    d_end: Sequence[State],
    *,
    totals: bool,
) -> Back:
    """Backpropagate through time, from the gradients of the top layer's h_t and of every layer's end state.

    `dh` is the direct dL/dh_t of the top layer, (T, B, H), or None if the loss reads only end states (`d_end`).
    """
    cell = CELLS[model.cell]
    back = Back({}, list(start), [None] * model.num_layers)
    for layer in reversed(range(model.num_layers)):
        w = layer_weights(model, parameters, layer)

        def step(d_state: State, slices: tuple[Saved, Array | None], w: Weights = w) -> tuple[State, Any]:
            (h, kept), direct = slices
            if direct is not None:
                d_state = (d_state[0] + direct, *d_state[1:])
            d_state, total, dz = cell.backward(w, h, kept, d_state)
            return d_state, (dz, total if totals else None)

        back.start[layer], (dz, back.totals[layer]) = lax.scan(step, d_end[layer], (saved[layer], dh), reverse=True)
        below = saved[layer - 1].h if layer else x
        before = jnp.concatenate([start[layer][0][None], saved[layer].h[:-1]])
        back.gradients.update(_weight_gradients(layer, dz, below, cell.through_hidden(dz, saved[layer].kept), before))
        dh = dz @ w.weight_ih if layer else None
    return back


def _weight_gradients(layer: int, dz: Array, x: Array, dz_h: Array, h: Array) -> dict[str, Array]:
    dz, x, dz_h, h = (a.reshape(-1, a.shape[-1]) for a in (dz, x, dz_h, h))
    return {
        f"weight_ih_l{layer}": dz.T @ x,
        f"weight_hh_l{layer}": dz_h.T @ h,
        f"bias_ih_l{layer}": dz.sum(0),
        f"bias_hh_l{layer}": dz_h.sum(0),
    }
