"""Networks of any registered cell: its equations under `lax.scan`, differentiated by `jax.vjp`.

Of a cell that is linear in its state, only the states are computed under a scan, and its backward pass is by hand.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from gradsuite.cells import Cell, Linear, State, find
from gradsuite.model import Model
from jax import lax

from gradsuite_jax import directions, head, linear, padding
from gradsuite_jax.batch import DeviceBatch
from gradsuite_jax.bptt import Derivatives, Forward
from gradsuite_jax.equations import Equations, affine
from gradsuite_jax.stretch import Stretch

Array = jax.Array
Arrays = Mapping[str, Array]


def forward(kind: str, model: Model, parameters: Arrays, batch: DeviceBatch) -> Forward:
    """Return loss, outputs, what backward needs, and the last states of a batch with a state.

    `kind` is the scan of a cell that is linear in its state.
    """
    stretch = Stretch.of(batch)
    counted = stretch.counted(model)
    of_layers = {name: p for name, p in parameters.items() if not name.startswith("readout")}
    zeros = jnp.zeros(model.states_shape(batch.inputs.shape), batch.inputs.dtype)
    nudges = dict.fromkeys(find(model.cell).states, zeros)
    hidden, pull, end = jax.vjp(partial(unroll, kind, model, stretch), of_layers, nudges, batch.state, has_aux=True)
    y = head.readout(model, parameters, hidden, counted)
    return head.loss(model, y, batch.targets, counted), y, (hidden, pull), batch.of_state(end)


def backward(
    model: Model, parameters: Arrays, batch: DeviceBatch, y: Array, saved: Any, *, states: bool
) -> Derivatives:
    """Return the parameter gradients, those by each state if `states`, and those by a batch's state."""
    hidden, pull = saved
    dy = head.loss_backward(model, y, batch.targets, Stretch.of(batch).counted(model))
    of_readout, d_hidden = head.readout_backward(model, parameters, hidden, dy)
    gradients, by_state, by_start = pull(d_hidden)
    totals = tuple(by_state[name] for name in find(model.cell).states) if states else None
    return {**gradients, **of_readout}, totals, by_start


def unroll(
    kind: str,
    model: Model,
    stretch: Stretch,
    parameters: Arrays,
    nudges: Mapping[str, Array],
    start: State | None,
) -> tuple[Array, list[State]]:
    """Return what the readout reads, and the last states of each layer and direction.

    `nudges` are added to each state, and are zero: derivatives by them are the state gradients.
    """
    cell, x = find(model.cell), stretch.x
    ends: list[State] = []
    for layer in range(model.num_layers):
        last = layer == model.num_layers - 1 and model.readout != "all"  # of which the last step alone is read
        parts = []
        for n, reverse in directions.of_layer(model, layer):
            p = model.of_layer(parameters, layer, reverse=reverse)
            if not cell.recurrent:
                xp = Equations(model.activation, nudged({k: v[n] for k, v in nudges.items()}), p, x, partial(affine, x))
                out = cell.output(xp, p, x, *xp.advance(cell, p, x))
                parts.append(out if stretch.masks is None else out * stretch.masks[n])
                continue
            zeros = jnp.zeros((x.shape[1], model.hidden_size), x.dtype)
            begin = tuple(part[n] for part in start) if start else (zeros,) * len(cell.states)
            read = stretch._replace(x=stretch.ordered(x, reverse=reverse))
            of_layer = {k: stretch.ordered(nudge[:, n], reverse=reverse) for k, nudge in nudges.items()}
            if isinstance(cell, Linear) and kind != "loop":
                out, end = linear.scan(kind, model, cell, p, read, of_layer, begin, last=last)
            else:
                out, end = scan(model, cell, p, read, of_layer, begin, last=last)
            ends.append(end)
            parts.append(
                stretch.masked_last(out, n, reverse=reverse)
                if last
                else cleared(stretch.masked(stretch.ordered(out, reverse=reverse), n), stretch)
            )
        x = directions.beside(parts)
    return x, ends


def scan(
    model: Model,
    cell: Cell,
    p: Any,
    read: Stretch,
    nudges: Mapping[str, Array],
    start: State,
    *,
    last: bool,
) -> tuple[Array, State]:
    """Return one layer's outputs, of all steps or of each sequence's last, and its last states.

    Products with inputs and for weight gradients stay outside. Past its length a sequence's states stay as they are.
    """
    x, of_inputs = read.x, list[Array]()

    def note(weight: Array, bias: Array | None) -> Array:
        of_inputs.append(affine(x, weight, bias))
        return of_inputs[-1][0]

    # One step for what it multiplies the inputs with; XLA drops the rest of it.
    first = x[0]
    xp = Equations(model.activation, lambda _, value: value, p, first, note)
    cell.output(xp, p, first, *xp.advance(cell, p, first, *start))

    def step(
        state: State, now: tuple[Array, Mapping[str, Array], Sequence[Array], Array | None]
    ) -> tuple[State, Array]:
        x_t, nudge, ready, valid = now
        in_order: Iterator[Array] = iter(ready)
        xp = Equations(model.activation, nudged(nudge), p, x_t, lambda *_: next(in_order))
        after = xp.advance(cell, p, x_t, *state)
        output = cell.output(xp, p, x_t, *after)
        return after if valid is None else padding.chosen(valid, after, state), output

    end, outputs = lax.scan(step, start, (x, nudges, of_inputs, read.valid))
    return read.last(outputs) if last else outputs, end


def cleared(outputs: Array, stretch: Stretch) -> Array:
    """Return (T, B, H), zero where it is padding."""
    return outputs if stretch.valid is None else jnp.where(stretch.valid, outputs, 0)


def nudged(nudges: Mapping[str, Array]) -> Callable[[str, Array], Array]:
    """Return the mark that adds to every state its nudge."""
    return lambda name, value: value + nudges[name]
