"""Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000), gates in the order i f g o."""

import jax
import jax.numpy as jnp

from gradsuite_jax.weights import Weights

Array = jax.Array
State = tuple[Array, Array]  # h, c
Kept = tuple[Array, Array, Array, Array, Array]  # i, f, g, o, c_(t-1)


def forward(w: Weights, state: State, x: Array) -> tuple[State, Kept]:
    """Return (h_t, c_t): c_t = f c_(t-1) + i g, h_t = o tanh c_t; and what backward needs."""
    h, c = state
    z = x + w.bias_ih + h @ w.transposed_hh + w.bias_hh
    z_i, z_f, z_g, z_o = jnp.split(z, 4, axis=-1)
    i, f, g, o = jax.nn.sigmoid(z_i), jax.nn.sigmoid(z_f), jnp.tanh(z_g), jax.nn.sigmoid(z_o)
    c_new = f * c + i * g
    return (o * jnp.tanh(c_new), c_new), (i, f, g, o, c)


def backward(w: Weights, h: Array, kept: Kept, d_state: State) -> tuple[State, State, Array]:
    """Return dL/d(h, c)_(t-1), the total dL/d(h, c)_t, and dL/dz_t."""
    i, f, g, o, c = kept
    tanh_c = jnp.tanh(f * c + i * g)
    dh, dc = d_state
    dc = dc + dh * o * (1 - tanh_c * tanh_c)
    dz_i = dc * g * i * (1 - i)
    dz_f = dc * c * f * (1 - f)
    dz_g = dc * i * (1 - g * g)
    dz_o = dh * tanh_c * o * (1 - o)
    dz = jnp.concatenate([dz_i, dz_f, dz_g, dz_o], axis=-1)
    return (dz @ w.weight_hh, dc * f), (dh, dc), dz


def through_hidden(dz: Array, kept: Kept) -> Array:
    """Return the gradient of W_hh h_(t-1) + b_hh, for all steps: that of z."""
    return dz
