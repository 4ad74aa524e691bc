"""All recurrent layers over a stretch of time; products with inputs and for weight gradients stay outside the loops."""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from gradsuite.model import Model
from jax import lax

from gradsuite_jax import directions, gru, lstm, rnn
from gradsuite_jax.batch import State
from gradsuite_jax.padding import chosen
from gradsuite_jax.stretch import Stretch
from gradsuite_jax.weights import Weights, layer_weights, names

Array = jax.Array
Arrays = Mapping[str, Array]

CELLS: dict[str, Any] = {"rnn": rnn, "lstm": lstm, "gru": gru}


class Saved(NamedTuple):
    """What backward needs of one layer and direction: h_t (T, B, H), and what its cell keeps, with a leading axis T.

    The first step is the one that the direction reads first.
    """

    h: Array
    kept: tuple[Array, ...]


class Back(NamedTuple):
    """What backward gives: parameter gradients, dL/d(state before the stretch), and the total dL/d(state_t).

    `totals` holds, per layer and direction, the total derivatives by (h,) or (h, c), each (T, B, H), or None if not
    asked for.
    """

    gradients: dict[str, Array]
    start: list[State]
    totals: list[State | None]


def forward(
    model: Model, parameters: Arrays, stretch: Stretch, start: Sequence[State]
) -> tuple[list[Saved], list[State]]:
    """Run a stretch through all layers from their start states; return what to save and the end states."""
    saved: list[Saved] = []
    end = []
    for (layer, reverse), state in zip(model.layers_and_directions, start, strict=True):
        w = layer_weights(model, parameters, layer, reverse=reverse)
        x = stretch.ordered(read_by(model, stretch, saved, layer), reverse=reverse)
        state, of_layer = _loop(model, w, stretch, x @ w.weight_ih.T, state)
        saved.append(of_layer)
        end.append(state)
    return saved, end


def read_by(model: Model, stretch: Stretch, saved: Sequence[Saved], layer: int) -> Array:
    """Return what layer number `layer` reads, the inputs or what the layer below puts out; the readout is above all."""
    if layer == 0:
        return stretch.x
    below = directions.of_layer(model, layer - 1)
    return directions.beside([stretch.masked(stretch.ordered(saved[n].h, reverse=back), n) for n, back in below])


def backward(
    model: Model,
    parameters: Arrays,
    stretch: Stretch,
    start: Sequence[State],
    saved: Sequence[Saved],
    dh: Array | None,
    d_end: Sequence[State],
    *,
    totals: bool,
) -> Back:
    """Backpropagate through time, from the gradients of what the top layer puts out and of every layer's end state.

    `dh` is the direct dL/dh_t of the top layer, as `read_by` has it for the readout, or None if the loss reads only
    end states (`d_end`).
    """
    back = Back({}, list(start), [None] * len(start))
    for layer in reversed(range(model.num_layers)):
        x, dx = read_by(model, stretch, saved, layer), []
        for n, reverse in directions.of_layer(model, layer):
            w = layer_weights(model, parameters, layer, reverse=reverse)
            direct = None
            if dh is not None:
                direct = stretch.masked(directions.part(model, dh, reverse=reverse), n)
                direct = stretch.ordered(direct, reverse=reverse)
            back.start[n], (dz, total) = _loop_back(model, w, stretch, saved[n], direct, d_end[n], totals=totals)
            before = jnp.concatenate([start[n][0][None], saved[n].h[:-1]])
            dz_h = CELLS[model.cell].through_hidden(dz, saved[n].kept)
            of_weights = _weight_gradients(dz, stretch.ordered(x, reverse=reverse), dz_h, before)
            back.gradients.update(zip(names(model, layer, reverse=reverse), of_weights, strict=True))
            if total is not None:
                back.totals[n] = tuple(stretch.ordered(part, reverse=reverse) for part in total)
            if layer:
                dx.append(stretch.ordered(dz @ w.weight_ih, reverse=reverse))
        dh = reduce(add, dx) if layer else None
    return back


def _loop(model: Model, w: Weights, stretch: Stretch, x: Array, start: State) -> tuple[State, Saved]:
    """Run one layer over W_ih x, in the order of x; past its length a sequence stays where it is."""
    cell = CELLS[model.cell]

    def step(state: State, now: tuple[Array, Any]) -> tuple[State, Saved]:
        x, t = now
        after, kept = cell.forward(w, state, x)
        if stretch.lengths is not None:
            after = chosen(t < stretch.lengths[:, None], after, state)
        return after, Saved(after[0], kept)

    return lax.scan(step, start, (x, stretch.steps))


def _loop_back(
    model: Model, w: Weights, stretch: Stretch, saved: Saved, direct: Array | None, d_end: State, *, totals: bool
) -> tuple[State, tuple[Array, State | None]]:
    """Return dL/d(start state), dL/dz and the totals of one layer, from the direct dL/dh_t and dL/d(end state).

    The end state's gradient enters at the last step of each sequence; past it, all gradients are zero.
    """
    cell, lengths = CELLS[model.cell], None if stretch.lengths is None else stretch.lengths[:, None]

    def step(d_state: State, slices: tuple[Saved, Array | None, Any]) -> tuple[State, Any]:
        (h, kept), direct, t = slices
        if lengths is not None:
            d_state = chosen(t + 1 < lengths, d_state, d_end)
        if direct is not None:
            d_state = (d_state[0] + direct, *d_state[1:])
        d_state, total, dz = cell.backward(w, h, kept, d_state)
        if lengths is not None:
            dz, *total = chosen(t < lengths, (dz, *total), (0,) * (1 + len(total)))
        return d_state, (dz, tuple(total) if totals else None)

    d_start, of_steps = lax.scan(step, d_end, (saved, direct, stretch.steps), reverse=True)
    return d_start if lengths is None else chosen(lengths > 0, d_start, d_end), of_steps


def _weight_gradients(dz: Array, x: Array, dz_h: Array, h: Array) -> tuple[Array, Array, Array, Array]:
    dz, x, dz_h, h = (a.reshape(-1, a.shape[-1]) for a in (dz, x, dz_h, h))
    return dz.T @ x, dz_h.T @ h, dz.sum(0), dz_h.sum(0)
