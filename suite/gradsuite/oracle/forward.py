"""The forward pass of every model, from its cell's equations, in any NumPy dtype: real, complex or long double.

`variables` holds everything that the loss depends on: the parameters by name, `inputs`, and `states` and `cell_states`,
which are added to each hidden state h_t (each layer's activation, for `mlp`) and to each cell state c_t. Each may have
a leading axis of directions, which everything that depends on it then has too.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from array_api_compat import numpy as array_api

from gradsuite.backend import STATE_GRADIENTS
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


def unroll(model: Model, variables: Variables, constant: int) -> list[Array]:
    """Return the top layer's outputs of all steps, each (..., B, H); of a cell that is not recurrent, its one.

    The states of the first `constant` steps are constants, in all layers.
    """
    cell, inputs = find(model.cell), variables["inputs"]
    nudges = dict(zip(cell.states, (variables[name] for name in STATE_GRADIENTS), strict=False))
    sequence = [inputs[..., t, :, :] for t in range(inputs.shape[-3])] if cell.recurrent else [inputs]
    for layer in range(model.num_layers):
        p = model.of_layer(variables, layer, ahead=True)
        zeros = np.zeros((inputs.shape[-2], model.hidden_size), inputs.dtype)
        state: tuple[Array, ...] = (zeros,) * len(cell.states) if cell.recurrent else ()
        top = []
        for t, x in enumerate(sequence):
            place = (t, layer) if cell.recurrent else (layer,)

            def nudged(name: str, value: Array, place: tuple[int, ...] = place) -> Array:
                step_and_layer: Any = (..., *place, slice(None), slice(None))
                return value + nudges[name][step_and_layer]

            xp = Complex(array_api, ACTIVATIONS, model.activation, nudged)
            state = xp.advance(cell, p, x, *state)
            if t < constant:  # a derivative travels in the imaginary part: a constant has none
                state = tuple(part.real for part in state)
            top.append(cell.output(xp, p, x, *state))
        sequence = top
    return sequence


def outputs(model: Model, variables: Variables, constant: int = 0) -> Array:
    """Return the outputs: (..., T, B, O) with readout `all`, (..., B, O) otherwise."""
    top = unroll(model, variables, constant)
    h = np.stack(np.broadcast_arrays(*top), axis=-3) if model.readout == "all" else top[-1]
    if model.readout == "none":
        return h
    weight, bias = variables["readout.weight"], variables["readout.bias"]
    if model.readout == "all":  # the time axis is between the directions and the batch
        weight, bias = weight[..., None, :, :], bias[..., None, :]
    return affine(h, weight, bias)


def losses(model: Model, y: Array, targets: Array) -> Array:
    """Return each example's loss, (..., T, B) with readout `all` and (..., B) otherwise; their mean is the loss."""
    if model.loss == "mse":
        return ((y - targets) ** 2).mean(axis=-1)
    if model.loss == "inner_product":
        return (y * targets).sum(axis=-1)
    shifted = y - y.real.max(axis=-1, keepdims=True)  # any constant may be subtracted; this one keeps exp finite
    chosen = np.take_along_axis(shifted, np.broadcast_to(targets, y.shape[:-1])[..., None], axis=-1)[..., 0]
    return np.log(np.exp(shifted).sum(axis=-1)) - chosen
