"""Elman's network: h_t = phi(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh) (Elman 1990)."""

import jax

from gradsuite_jax.activations import ACTIVATIONS
from gradsuite_jax.weights import Weights

Array = jax.Array
State = tuple[Array]


def forward(w: Weights, state: State, x: Array) -> tuple[State, tuple[()]]:
    """Return h_t, and nothing to keep: h_t itself is all that backward needs."""
    (h,) = state
    z = x + w.bias_ih + h @ w.transposed_hh + w.bias_hh
    return (ACTIVATIONS[w.activation].forward(z),), ()


def backward(w: Weights, h: Array, kept: tuple[()], d_state: State) -> tuple[State, State, Array]:
    """Return dL/dh_(t-1), the total dL/dh_t, and dL/dz_t, from the total dL/dh_t."""
    (dh,) = d_state
    dz = ACTIVATIONS[w.activation].backward(h, dh)
    return (dz @ w.weight_hh,), (dh,), dz


def through_hidden(dz: Array, kept: tuple[()]) -> Array:
    """Return the gradient of W_hh h_(t-1) + b_hh, for all steps: that of z."""
    return dz
