"""Activations phi, each with its backward pass written in terms of h = phi(z)."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp

Array = jax.Array


@dataclass(frozen=True, slots=True)
class Activation:
    """phi: z -> h, and its vector-Jacobian product: (h, dL/dh) -> dL/dz."""

    forward: Callable[[Array], Array]
    backward: Callable[[Array, Array], Array]


ACTIVATIONS = {
    "tanh": Activation(jnp.tanh, lambda h, dh: dh * (1 - h * h)),
    "sigmoid": Activation(jax.nn.sigmoid, lambda h, dh: dh * h * (1 - h)),
    # As in PyTorch relu'(0) = 0, and a NaN state lets the gradient through.
    "relu": Activation(lambda z: jnp.maximum(z, 0), lambda h, dh: jnp.where(h <= 0, 0, dh)),
    "identity": Activation(lambda z: z, lambda h, dh: dh),
}
