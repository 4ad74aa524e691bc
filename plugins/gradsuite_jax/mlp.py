"""Multilayer perceptron: h_l = phi(W_l h_(l-1) + b_l) (Rumelhart, Hinton & Williams 1986)."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from gradsuite.model import Model

from gradsuite_jax import head
from gradsuite_jax.activations import ACTIVATIONS
from gradsuite_jax.batch import DeviceBatch
from gradsuite_jax.bptt import Derivatives, Forward

Array = jax.Array
Arrays = Mapping[str, Array]


def forward(model: Model, parameters: Arrays, batch: DeviceBatch) -> Forward:
    """Return loss, outputs (B, O) and the activations of every layer, for inputs (B, I)."""
    phi = ACTIVATIONS[model.activation]
    activations = []
    h = batch.inputs
    for layer in range(model.num_layers):
        h = phi.forward(h @ parameters[f"layers.{layer}.weight"].T + parameters[f"layers.{layer}.bias"])
        activations.append(h)
        h = masked(batch, h, layer)
    y = head.readout(model, parameters, h)
    return head.loss(model, y, batch.targets), y, activations, None


def backward(
    model: Model, parameters: Arrays, batch: DeviceBatch, y: Array, activations: Any, *, states: bool
) -> Derivatives:
    """Return the parameter gradients and, if `states`, dL/dh of every layer, (layers, B, H)."""
    phi = ACTIVATIONS[model.activation]
    outputs = [batch.inputs, *(masked(batch, h, layer) for layer, h in enumerate(activations))]
    dy = head.loss_backward(model, y, batch.targets)
    gradients, dx = head.readout_backward(model, parameters, outputs[-1], dy)
    totals = []
    for layer in reversed(range(model.num_layers)):
        dh = masked(batch, dx, layer)
        totals.append(dh)
        dz = phi.backward(activations[layer], dh)
        gradients |= {f"layers.{layer}.weight": dz.T @ outputs[layer], f"layers.{layer}.bias": dz.sum(0)}
        dx = dz @ parameters[f"layers.{layer}.weight"]
    return gradients, (jnp.stack(totals[::-1]),) if states else None, None


def masked(batch: DeviceBatch, h: Array, layer: int) -> Array:
    """Return what is a layer's (B, H) times its mask."""
    return h if batch.masks is None else h * batch.masks[layer]
