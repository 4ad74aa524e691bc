"""Multilayer perceptron: h_l = phi(W_l h_(l-1) + b_l) (Rumelhart, Hinton & Williams 1986)."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from gradsuite.model import Model

from gradsuite_jax import head
from gradsuite_jax.activations import ACTIVATIONS

Array = jax.Array
Arrays = Mapping[str, Array]


def forward(model: Model, parameters: Arrays, x: Array, targets: Array) -> tuple[Array, Array, Any]:
    """Return loss, outputs (B, O) and the activations of every layer, for x (B, I)."""
    phi = ACTIVATIONS[model.activation]
    activations = []
    h = x
    for layer in range(model.num_layers):
        h = phi.forward(h @ parameters[f"layers.{layer}.weight"].T + parameters[f"layers.{layer}.bias"])
        activations.append(h)
    y = head.readout(model, parameters, h)
    return head.loss(model, y, targets), y, activations


def backward(
    model: Model, parameters: Arrays, x: Array, targets: Array, y: Array, activations: Any, *, states: bool
) -> tuple[dict[str, Array], tuple[Array, ...] | None]:
    """Return the parameter gradients and, if `states`, dL/dh of every layer, (layers, B, H)."""
    phi = ACTIVATIONS[model.activation]
    gradients, dh = head.readout_backward(model, parameters, activations[-1], head.loss_backward(model, y, targets))
    totals = []
    for layer in reversed(range(model.num_layers)):
        totals.append(dh)
        dz = phi.backward(activations[layer], dh)
        below = activations[layer - 1] if layer else x
        gradients |= {f"layers.{layer}.weight": dz.T @ below, f"layers.{layer}.bias": dz.sum(0)}
        dh = dz @ parameters[f"layers.{layer}.weight"]
    return gradients, (jnp.stack(totals[::-1]),) if states else None
