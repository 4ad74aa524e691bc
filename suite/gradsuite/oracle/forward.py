"""The forward pass of every model, from its cell's equations, in any NumPy dtype: real, complex or long double.

`variables` holds everything that the loss depends on: the parameters by name, `inputs`, and `states` and `cell_states`,
which are added to each hidden state h_t (each layer's activation, for `mlp`) and to each cell state c_t, and
`initial_states` and `initial_cell_states`, the states before the first step. Each may have a leading axis of directions
to differentiate along, which everything that depends on it then has too. The batch's lengths and masks are constants.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import numpy as array_api

from gradsuite.backend import STATE_GRADIENTS, Batch
from gradsuite.cells import Namespace, find
from gradsuite.model import Model

Array = np.ndarray
Variables = Mapping[str, Array]


def relu(z: Array) -> Array:
    """max(z, 0), by the real part, so that the derivative at the kink is 0 (PyTorch's rule); NaN stays NaN."""
    return np.where(z.real <= 0, 0, z)


def sigmoid(z: Array) -> Array:
    """1 / (1 + e^-z), without overflow and without cancellation on either side."""
    positive = z.real >= 0
    e = np.exp(np.where(positive, -z, z))
    return np.where(positive, 1, e) / (1 + e)


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "relu": relu,
    "sigmoid": sigmoid,
    "identity": lambda z: z,
}


def affine(x: Array, weight: Array, bias: Array) -> Array:
    """Return x W^T + b for rows x (..., B, I), weight (..., O, I) and bias (..., O)."""
    return product(x, weight.swapaxes(-1, -2)) + bias[..., None, :]


def product(x: Array, m: Array) -> Array:
    """Return x m. Complex rows times a real matrix are two real products: half of the work that NumPy would do."""
    if not np.iscomplexobj(x) or np.iscomplexobj(m):
        return x @ m
    real = x.real @ m
    result = np.empty(real.shape, x.dtype)
    result.real, result.imag = real, x.imag @ m
    return result


class Complex(Namespace):
    """NumPy for a cell's equations, with products that leave out what is real."""

    def linear(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        """Return x W^T + b; both may have directions in front."""
        y = product(x, weight.swapaxes(-1, -2))
        return y if bias is None else y + bias


class Run(NamedTuple):
    """What a forward pass gives: outputs, (..., T, B, O) or (..., B, O), and the last states of each layer by kind."""

    outputs: Array
    last: list[list[Array]]


class Read(NamedTuple):
    """What a layer reads in one direction: each step's outputs, masked, the last of them, and the last states."""

    steps: list[Array]
    last: Array
    state: tuple[Array, ...]


def run(model: Model, variables: Variables, batch: Batch, constant: int = 0) -> Run:
    """Return the outputs and the last states; the states of the first `constant` steps are constants, in all layers."""
    inputs = variables["inputs"]
    recurrent = find(model.cell).recurrent
    sequence = [inputs[..., t, :, :] for t in range(inputs.shape[-3])] if recurrent else [inputs]
    states: list[tuple[Array, ...]] = []
    last = inputs
    for layer in range(model.num_layers):
        reads = [
            read(model, variables, batch, sequence, layer, reverse=reverse, constant=constant)
            for reverse in (False, True)[: model.directions]
        ]
        sequence = [beside(*both) for both in zip(*(one.steps for one in reads), strict=True)]
        last = beside(*(one.last for one in reads))
        states += [one.state for one in reads]
    h = np.stack(np.broadcast_arrays(*sequence), axis=-3) if model.readout == "all" else last
    return Run(read_out(model, variables, batch, h), [list(kind) for kind in zip(*states, strict=True)])


def read(
    model: Model, variables: Variables, batch: Batch, sequence: list[Array], layer: int, *, reverse: bool, constant: int
) -> Read:
    """Run one layer in one direction, step after step; past its length a sequence stays where it is."""
    cell, p = find(model.cell), model.of_layer(variables, layer, reverse=reverse, ahead=True)
    nudges = dict(zip(cell.states, (variables[name] for name in STATE_GRADIENTS), strict=False))
    number = layer * model.directions + reverse
    state = tuple(variables[f"initial_{name}"][..., number, :, :] for name in STATE_GRADIENTS[: len(cell.states)])
    state = state if cell.recurrent else ()
    steps: list[Array] = [np.empty(0)] * len(sequence)
    last: Array = np.zeros_like(state[0]) if state else np.empty(0)
    valid = batch.valid[..., np.newaxis] if batch.lengths is not None else None
    for t in reversed(range(len(sequence))) if reverse else range(len(sequence)):
        place = (t, number) if cell.recurrent else (number,)

        def nudged(name: str, value: Array, place: tuple[int, ...] = place) -> Array:
            step_and_layer: Any = (..., *place, slice(None), slice(None))
            nudge = nudges[name][step_and_layer]
            return value + nudge if nudge.any() else value  # real, and one for all directions, up to the first moved

        xp = Complex(array_api, ACTIVATIONS, model.activation, nudged)
        after = xp.advance(cell, p, sequence[t], *state)
        if t < constant:  # a derivative travels in the imaginary part: a constant has none
            after = tuple(part.real for part in after)
        output = cell.output(xp, p, sequence[t], *after)
        if batch.masks is not None:
            output = output * batch.masks[(t % len(batch.masks), number) if cell.recurrent else number]
        if valid is not None:
            after = tuple(np.where(valid[t], new, old) for new, old in zip(after, state, strict=True))
            last = np.where(valid[t], output, last)
            output = np.where(valid[t], output, 0)
        else:
            last = output
        state, steps[t] = after, output
    return Read(steps, last, state)


def beside(*arrays: Array) -> Array:
    """Return what the directions of a layer put out, side by side."""
    if len(arrays) == 1:
        return arrays[0]
    return np.concatenate(np.broadcast_arrays(*arrays), axis=-1)


def read_out(model: Model, variables: Variables, batch: Batch, h: Array) -> Array:
    """Return the outputs for the states that are read, zero past each length."""
    y = h
    if model.readout != "none":
        weight, bias = variables["readout.weight"], variables["readout.bias"]
        if model.readout == "all":  # the time axis is between the directions and the batch
            weight, bias = weight[..., None, :, :], bias[..., None, :]
        y = affine(h, weight, bias)
    if model.readout == "all" and batch.lengths is not None:
        y = np.where(batch.valid[..., np.newaxis], y, 0)
    return y


def losses(model: Model, y: Array, batch: Batch) -> Array:
    """Return each example's share in the loss, (..., T, B) with readout `all` and (..., B) otherwise.

    The loss is their sum: a share is the example's own loss divided by how many count.
    """
    per_example = losses_by_example(model, y, batch.without_padding(model).targets)
    if model.readout != "all":
        return per_example / per_example.shape[-1]
    return np.where(batch.valid, per_example, 0) / batch.valid.sum()


def losses_by_example(model: Model, y: Array, targets: Array) -> Array:
    """Return each example's own loss."""
    if model.loss == "mse":
        return ((y - targets) ** 2).mean(axis=-1)
    if model.loss == "inner_product":
        return (y * targets).sum(axis=-1)
    shifted = y - y.real.max(axis=-1, keepdims=True)  # any constant may be subtracted; this one keeps exp finite
    chosen = np.take_along_axis(shifted, np.broadcast_to(targets, y.shape[:-1])[..., None], axis=-1)[..., 0]
    return np.log(np.exp(shifted).sum(axis=-1)) - chosen
