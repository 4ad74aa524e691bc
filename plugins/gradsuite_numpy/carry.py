"""The product that carries the gradient back by a step, dh_(t-1) += dz_t W_hh, in the form that BLAS does fastest."""

from collections.abc import Callable

import numpy as np

from gradsuite_numpy.arrays import Array, transpose

# Up to so many examples (W_hh^T dz^T)^T is a tenth to a third faster than dz W_hh, whatever kernels OpenBLAS has, in a
# product of more multiplications than it does without packing its factors first.
FEW = 32
SMALL = 100**3


def carry(
    weight: Array, transposed: Callable[[], Array], like: Array, *, adds: bool
) -> Callable[[Array, Array], object]:
    """Return what adds dz W to dh, or with `adds` false sets dh to it, for dh (..., B, H) like the one given.

    `weight` is W (..., G H, H), `transposed` makes a contiguous copy (..., H, G H) of it where one is wanted.
    """
    put: Callable[[Array, Array], object] = _add if adds else np.copyto
    B, H = like.shape[-2:]
    if B <= FEW and B * weight.shape[-2] * H > SMALL:
        columns, weight_t = np.empty((*like.shape[:-2], H, B), like.dtype), transposed()
        product = transpose(columns)

        def few(dz: Array, dh: Array) -> None:
            np.matmul(weight_t, transpose(dz), out=columns)
            put(dh, product)

        return few
    if not adds:
        return lambda dz, dh: np.matmul(dz, weight, out=dh)
    product = np.empty_like(like)

    def many(dz: Array, dh: Array) -> None:
        np.matmul(dz, weight, out=product)
        put(dh, product)

    return many


def _add(dh: Array, product: Array) -> object:
    return np.add(dh, product, out=dh)
