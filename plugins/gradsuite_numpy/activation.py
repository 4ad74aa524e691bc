"""Activations in place, and their derivatives in terms of their own output."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from gradsuite_numpy.arrays import Array


class Activation(NamedTuple):
    """`apply(z)` turns z into h = phi(z) in place; `pull(h, dh, dz)` writes dz = dh phi'(z)."""

    apply: Callable[[Array], object]
    pull: Callable[[Array, Array, Array], object]


def tanh(z: Array) -> None:
    """Make h = tanh z of z."""
    np.tanh(z, out=z)


def pull_tanh(h: Array, dh: Array, dz: Array) -> None:
    """Write dz = dh (1 - h^2)."""
    np.multiply(h, h, out=dz)
    np.subtract(1, dz, out=dz)
    np.multiply(dz, dh, out=dz)


def sigmoid_of_negative(y: Array) -> None:
    """Make 1 / (1 + e^y) of y, the sigmoid of -y: right to rounding for every y, 0 where e^y overflows."""
    np.exp(y, out=y)
    np.add(y, 1, out=y)
    np.divide(1, y, out=y)


def sigmoid(z: Array) -> None:
    """Make h = 1 / (1 + e^-z) of z."""
    np.negative(z, out=z)
    sigmoid_of_negative(z)


def pull_sigmoid(h: Array, dh: Array, dz: Array) -> None:
    """Write dz = dh h (1 - h)."""
    np.subtract(1, h, out=dz)
    np.multiply(dz, h, out=dz)
    np.multiply(dz, dh, out=dz)


def relu(z: Array) -> None:
    """Make h = max(z, 0) of z; NaN stays NaN."""
    np.maximum(z, 0, out=z)


def pull_relu(h: Array, dh: Array, dz: Array) -> None:
    """Write dz = dh where h > 0, else 0: relu'(0) = 0."""
    # Not dh (h > 0), which makes NaN of an infinite dh; and a tenth of the time of dz[h <= 0] = 0: the bits of dh,
    # and-ed with none where h <= 0 and with all elsewhere.
    bits = np.dtype(f"i{dz.itemsize}")
    mask = dz.view(bits)
    np.less_equal(h, 0, out=mask)
    np.subtract(mask, 1, out=mask)
    np.bitwise_and(mask, dh.view(bits), out=mask)


def identity(z: Array) -> None:
    """Leave h = z."""


def pull_identity(h: Array, dh: Array, dz: Array) -> None:
    """Write dz = dh."""
    np.copyto(dz, dh)


ACTIVATIONS = {
    "tanh": Activation(tanh, pull_tanh),
    "relu": Activation(relu, pull_relu),
    "sigmoid": Activation(sigmoid, pull_sigmoid),
    "identity": Activation(identity, pull_identity),
}
