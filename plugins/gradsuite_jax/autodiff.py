"""Networks of any registered cell: its equations under `lax.scan`, differentiated by `jax.vjp`.

Of a cell that is linear in its state, only the states are computed under a scan, and its backward pass is by hand.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
from gradsuite.cells import Cell, Linear, Namespace, State, find
from gradsuite.model import Model
from jax import lax

from gradsuite_jax import head, recurrence
from gradsuite_jax.activations import ACTIVATIONS
from gradsuite_jax.batch import DeviceBatch
from gradsuite_jax.bptt import Derivatives, Forward

Array = jax.Array
Arrays = Mapping[str, Array]
FUNCTIONS: Mapping[str, Callable[[Array], Array]] = {name: phi.forward for name, phi in ACTIVATIONS.items()}


class Equations(Namespace):
    """JAX for the equations of one layer; its products with the inputs are given by `of_inputs`, in their order."""

    def __init__(
        self,
        activation: str,
        mark: Callable[[str, Array], Array],
        p: SimpleNamespace,
        x: Array,
        of_inputs: Callable[[Array, Array | None], Array],
    ) -> None:
        """Take the layer's parameters, the step's inputs x and what is called for each product of them."""
        super().__init__(jnp, FUNCTIONS, activation, mark)
        self._x, self._of_inputs = x, of_inputs
        self._own = {id(None), *map(id, vars(p).values())}

    def linear(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        """Return x W^T + b."""
        of_parameters = self._own.issuperset((id(weight), id(bias)))  # what a step computes may depend on its states
        return self._of_inputs(weight, bias) if x is self._x and of_parameters else affine(x, weight, bias)


def affine(x: Array, weight: Array, bias: Array | None) -> Array:
    """Return x W^T + b."""
    return x @ weight.T if bias is None else x @ weight.T + bias


def forward(kind: str, model: Model, parameters: Arrays, batch: DeviceBatch) -> Forward:
    """Return loss, outputs and what backward needs; `kind` is the scan of a cell that is linear in its state."""
    cell, x = find(model.cell), batch.inputs
    of_layers = {name: p for name, p in parameters.items() if not name.startswith("readout")}
    zeros = jnp.zeros(model.states_shape(x.shape), x.dtype)

    def top(of_layers: Arrays, nudges: Mapping[str, Array]) -> Array:
        return seen_of(model, unroll(kind, model, cell, of_layers, x, nudges))

    hidden, pull = jax.vjp(top, of_layers, dict.fromkeys(cell.states, zeros))
    y = head.readout(model, parameters, hidden)
    return head.loss(model, y, batch.targets), y, (hidden, pull), None


def backward(
    model: Model, parameters: Arrays, batch: DeviceBatch, y: Array, saved: Any, *, states: bool
) -> Derivatives:
    """Return the parameter gradients and, if `states`, those by each state, (T, layers, B, H) or (layers, B, H)."""
    hidden, pull = saved
    of_readout, d_hidden = head.readout_backward(model, parameters, hidden, head.loss_backward(model, y, batch.targets))
    gradients, by_state = pull(d_hidden)
    totals = tuple(by_state[name] for name in find(model.cell).states) if states else None
    return {**gradients, **of_readout}, totals, None


def unroll(kind: str, model: Model, cell: Cell, parameters: Arrays, x: Array, nudges: Mapping[str, Array]) -> Array:
    """Return the top layer's outputs of all steps (T, B, H), or (B, H) of a cell that is not recurrent.

    `nudges` are added to each state, and are zero: derivatives by them are the state gradients.
    """
    for layer in range(model.num_layers):
        p = model.of_layer(parameters, layer)
        if isinstance(cell, Linear) and kind != "loop":
            last = layer == model.num_layers - 1 and model.readout != "all"  # what is read of it is the last step alone
            x = scan_linear(kind, model, cell, p, x, {k: nudge[:, layer] for k, nudge in nudges.items()}, last=last)
        elif cell.recurrent:
            x = scan(model, cell, p, x, {name: nudge[:, layer] for name, nudge in nudges.items()})
        else:
            xp = Equations(model.activation, nudged({k: v[layer] for k, v in nudges.items()}), p, x, partial(affine, x))
            x = cell.output(xp, p, x, *xp.advance(cell, p, x))
    return x


def scan(model: Model, cell: Cell, p: Any, x: Array, nudges: Mapping[str, Array]) -> Array:
    """Return one layer's outputs of all steps; products with inputs and for weight gradients stay outside."""
    zeros = (jnp.zeros((x.shape[1], model.hidden_size), x.dtype),) * len(cell.states)
    of_inputs: list[Array] = []

    def note(weight: Array, bias: Array | None) -> Array:
        of_inputs.append(affine(x, weight, bias))
        return of_inputs[-1][0]

    # One step for what it multiplies the inputs with; XLA drops the rest of it.
    first = x[0]
    xp = Equations(model.activation, lambda _, value: value, p, first, note)
    cell.output(xp, p, first, *xp.advance(cell, p, first, *zeros))

    def step(state: State, now: tuple[Array, Mapping[str, Array], Sequence[Array]]) -> tuple[State, Array]:
        x_t, nudge, ready = now
        in_order: Iterator[Array] = iter(ready)
        xp = Equations(model.activation, nudged(nudge), p, x_t, lambda *_: next(in_order))
        state = xp.advance(cell, p, x_t, *state)
        return state, cell.output(xp, p, x_t, *state)

    return lax.scan(step, zeros, (x, nudges, of_inputs))[1]


def scan_linear(
    kind: str, model: Model, cell: Linear, p: Any, x: Array, nudges: Mapping[str, Array], *, last: bool
) -> Array:
    """Return one layer's outputs of all steps, or of the last; all but the states is computed for all steps at once."""
    zero = jnp.zeros((x.shape[1], model.hidden_size), x.dtype)
    xp = Equations(model.activation, lambda _, value: value, p, x, partial(affine, x))
    a, b = cell.coefficients(xp, p, x)
    # A state gradient is the derivative by b, which is all that is added to a state.
    b = tuple(jnp.broadcast_to(part, nudges[k].shape) + nudges[k] for k, part in zip(cell.states, b, strict=True))
    h = recurrence.states(a, b, (zero,) * len(b), kind)
    if last:
        x, *h = (part[-1:] for part in (x, *h))
    return cell.output(Equations(model.activation, lambda _, value: value, p, x, partial(affine, x)), p, x, *h)


def nudged(nudges: Mapping[str, Array]) -> Callable[[str, Array], Array]:
    """Return the mark that adds to every state its nudge."""
    return lambda name, value: value + nudges[name]


def seen_of(model: Model, h: Array) -> Array:
    """Return the states that the readout reads."""
    return h[-1] if model.recurrent and model.readout != "all" else h
