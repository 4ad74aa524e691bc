"""Views that let the formulas read as in the textbook, with or without a leading stack of networks.

Recurrent arrays are (..., T, B, F) and matrices (..., rows, columns), where `...` is empty or the stack's axis S.
"""

from collections.abc import Sequence

import numpy as np

Array = np.ndarray
Shape = tuple[int, ...]


def steps(a: Array) -> Array:
    """Return (..., T, B, F) seen as (T, ..., B, F): iterating yields one time step after another."""
    return np.moveaxis(a, -3, 0) if a.ndim > 3 else a


def rows(a: Array) -> Array:
    """Return (..., T, B, F) seen as (..., T B, F), so that one GEMM covers all time steps."""
    return a.reshape(*a.shape[:-3], a.shape[-3] * a.shape[-2], a.shape[-1])


def blocks(a: Array, count: int) -> list[Array]:
    """Return the `count` equal parts of the last axis, one per gate, as views."""
    width = a.shape[-1] // count
    return [a[..., k * width : (k + 1) * width] for k in range(count)]


def transpose(matrix: Array) -> Array:
    """Return (..., rows, columns) seen as (..., columns, rows)."""
    return matrix.swapaxes(-1, -2)


def transposed_copy(matrix: Array) -> Array:
    """Return a contiguous copy (..., columns, rows), which BLAS reads faster than a transposed view.

    In strips: read across a whole matrix, columns a power of two apart evict each other from the cache.
    """
    copy = np.empty((*matrix.shape[:-2], matrix.shape[-1], matrix.shape[-2]), matrix.dtype)
    for row in range(0, matrix.shape[-2], 16):
        copy[..., row : row + 16] = transpose(matrix[..., row : row + 16, :])
    return copy


def column_sums(a: Array) -> Array:
    """Return (..., N, F) summed over N as (..., F), by BLAS, which sums rows faster than a reduction over them."""
    return np.ones(a.shape[-2], a.dtype) @ a


def with_ones(x: Array, out: Array) -> Array:
    """Write x (..., F), followed by a one, into out (..., F + 1), so that a product adds a bias at no cost."""
    out[..., :-1] = x
    out[..., -1] = 1
    return out


def tile(bias: Array, batch: int) -> Array:
    """Return (..., F) repeated as (..., B, F): adding it takes half as long as broadcasting."""
    return np.repeat(bias[..., None, :], batch, axis=-2)


def backwards(*arrays: Array) -> Sequence[Array]:
    """Return the time steps of each (..., T, B, F), the last one first."""
    return [steps(a)[::-1] for a in arrays]
