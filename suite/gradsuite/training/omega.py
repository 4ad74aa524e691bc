"""Omega, the regulariser that keeps a gradient's norm through time (Pascanu, Mikolov & Bengio 2013, eq. 9).

As their released code computes it (github.com/pascanur/trainingRNNs, RNN.py), not as the paper writes it: squared
norms, their ratio averaged over what is left of the gradient.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from gradsuite.batch import Batch
from gradsuite.cells import find
from gradsuite.errors import UserError
from gradsuite.model import Model

BOUND = 1e-20  # a squared norm below it is no gradient any more: where and when, it does not count
# The cell's activations, each with its derivative, from its value.
Function = Callable[[np.ndarray], np.ndarray]
PHI: dict[str, tuple[Function, Function]] = {
    "tanh": (np.tanh, lambda h: 1 - h * h),
    "relu": (lambda z: np.maximum(z, 0), lambda h: np.where(h > 0, 1.0, 0.0)),
    "identity": (lambda z: z, np.ones_like),
}


class Omega(NamedTuple):
    """The regulariser's value, and its gradients by the name of each recurrent weight matrix (H, H)."""

    value: float
    gradients: dict[str, np.ndarray]


def check(model: Model) -> None:
    """Raise UserError for a model that the regulariser is not written for."""
    if model.cell != "rnn" or model.bidirectional:
        which = "a bidirectional one" if model.cell == "rnn" else model.cell
        raise UserError(f"omega is for the cell rnn, forward in time, not for {which}: set omega to 0")


def omega(model: Model, parameters: Mapping[str, np.ndarray], batch: Batch, deltas: np.ndarray) -> Omega:
    """Return the regulariser of a batch, the sum over layers, from its state gradients (T, layers, B, H).

    With delta = dL/dh_t and d = delta phi'(z_t), a step back multiplies the squared norm by r = |d W|^2 / |delta|^2.
    Omega is the mean of (r - 1)^2 over all steps and sequences with |delta|^2 of at least 1e-20, and 0 where there are
    none. Its gradient by W takes delta and phi' as constants: the mean of 4 (r - 1) d^T (d W) / |delta|^2.
    """
    value, gradients = 0.0, {}
    _, slope = PHI[model.activation]
    with np.errstate(all="ignore"):  # a gradient that is not finite is seen in the loss
        for layer, h in enumerate(states(model, parameters, batch)):
            name = find(model.cell).name_of("weight_hh", layer)
            delta = deltas[:, layer].astype(np.float64)
            w = np.asarray(parameters[name], np.float64)
            of_layer, gradients[name] = penalty(w, delta, delta * slope(h))
            value += of_layer
    return Omega(value, gradients)


def penalty(w: np.ndarray, delta: np.ndarray, d: np.ndarray) -> tuple[float, np.ndarray]:
    """Return one layer's value and gradient, from its weights (H, H), delta and delta phi', each (T, B, H)."""
    before = np.square(delta).sum(axis=-1, keepdims=True)
    counts = before >= BOUND
    if not counts.any():
        return 0.0, np.zeros_like(w)
    back = d @ w
    scale = np.where(counts, before, 1.0)
    excess = np.where(counts, np.square(back).sum(axis=-1, keepdims=True) / scale - 1, 0.0)
    gradient = np.tensordot(4 * excess / scale * d, back, axes=((0, 1), (0, 1)))
    return float(np.square(excess).sum() / counts.sum()), gradient / counts.sum()


def states(model: Model, parameters: Mapping[str, np.ndarray], batch: Batch) -> list[np.ndarray]:
    """Return each layer's states (T, B, H) in float64: h' = phi(W_ih x + b_ih + W_hh h + b_hh)."""
    phi, _ = PHI[model.activation]
    batch, layers = batch.without_padding(model), []
    doubles = {name: np.asarray(value, np.float64) for name, value in parameters.items()}
    x = np.asarray(batch.inputs, np.float64)
    for layer in range(model.num_layers):
        p = model.of_layer(doubles, layer)
        h = np.zeros((x.shape[1], model.hidden_size)) if batch.state is None else batch.state[0][layer]
        z = x @ p.weight_ih.T + p.bias_ih + p.bias_hh
        layers.append(np.stack([h := phi(z_t + h @ p.weight_hh.T) for z_t in z]))
        x = layers[-1] if batch.masks is None else layers[-1] * batch.masks[:, layer]
    return layers
