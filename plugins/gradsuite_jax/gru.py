"""Gated recurrent unit (Cho et al. 2014) in PyTorch's form: the reset gate acts after W_hn, gates r z n."""

import jax
import jax.numpy as jnp

from gradsuite_jax.weights import Weights

Array = jax.Array
State = tuple[Array]
Kept = tuple[Array, Array, Array, Array, Array]  # r, z, n, W_hn h_(t-1) + b_hn, h_(t-1)


def forward(w: Weights, state: State, x: Array) -> tuple[State, Kept]:
    """Return h_t = (1 - z) n + z h_(t-1) with n = tanh(W_in x + b_in + r (W_hn h_(t-1) + b_hn)), and what to keep."""
    (h,) = state
    x_r, x_z, x_n = jnp.split(x + w.bias_ih, 3, axis=-1)
    h_r, h_z, h_n = jnp.split(h @ w.transposed_hh + w.bias_hh, 3, axis=-1)
    r, z = jax.nn.sigmoid(x_r + h_r), jax.nn.sigmoid(x_z + h_z)
    n = jnp.tanh(x_n + r * h_n)
    return ((1 - z) * n + z * h,), (r, z, n, h_n, h)


def backward(w: Weights, h: Array, kept: Kept, d_state: State) -> tuple[State, State, Array]:
    """Return dL/dh_(t-1), the total dL/dh_t, and the gradient of W_ih x_t + b_ih."""
    r, z, n, h_n, h_previous = kept
    (dh,) = d_state
    dz_n = dh * (1 - z) * (1 - n * n)
    dz_z = dh * (h_previous - n) * z * (1 - z)
    dz_r = dz_n * h_n * r * (1 - r)
    dz_h = jnp.concatenate([dz_r, dz_z, dz_n * r], axis=-1)
    return (dz_h @ w.weight_hh + dh * z,), (dh,), jnp.concatenate([dz_r, dz_z, dz_n], axis=-1)


def through_hidden(dz: Array, kept: Kept) -> Array:
    """Return the gradient of W_hh h_(t-1) + b_hh, for all steps: that of n passes r."""
    dz_r, dz_z, dz_n = jnp.split(dz, 3, axis=-1)
    return jnp.concatenate([dz_r, dz_z, dz_n * kept[0]], axis=-1)
