"""Recurrent matrices of one spectral radius, normal and not."""

from collections.abc import Callable

import numpy as np
from gradsuite.parameters import normal, orthogonal

COUPLING = 1.0  # from one unit of a Jordan block to the other


def haar(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return an orthogonal matrix: every power keeps every length."""
    return orthogonal(rng, (size, size), 1.0)


def symmetric(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return a normal matrix with eigenvalues from -1 to 1."""
    axes = haar(rng, size)
    return axes * np.linspace(-1.0, 1.0, size) @ axes.T


def gaussian(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return a Gaussian matrix of spectral radius 1, whose largest singular value is about 2."""
    weight = normal(rng, (size, size), 1.0)
    return weight / max(abs(np.linalg.eigvals(weight)))


SCALED: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "orthogonal": haar,
    "symmetric": symmetric,
    "gaussian": gaussian,
}
KINDS = (*SCALED, "jordan")


def matrix(kind: str, size: int, radius: float) -> np.ndarray:
    """Return the recurrent matrix; Jordan blocks of two units, [[radius, c], [0, radius]], behind a rotation."""
    rng = np.random.default_rng(1)
    if kind != "jordan":
        return radius * SCALED[kind](rng, size)
    axes = haar(rng, size)
    feeds = COUPLING * (np.arange(size - 1) % 2 == 0)
    return axes @ (radius * np.eye(size) + np.diag(feeds, 1)) @ axes.T
