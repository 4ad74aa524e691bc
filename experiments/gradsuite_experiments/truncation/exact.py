"""What truncation leaves of the gradients of a tanh RNN, by the textbook's recursions and no backend's code."""

from typing import NamedTuple

import numpy as np
from gradsuite.backend import Batch
from gradsuite.parameters import Parameters


class Exact(NamedTuple):
    """dL/dh_t by time step (T, B, N), and dL/dW_hh through all steps and through the last k, (N, N)."""

    states: np.ndarray
    full: np.ndarray
    cut: np.ndarray

    @property
    def amplification(self) -> float:
        """The largest state gradient over that at T: rounding of the states grows as much on its way to T."""
        sizes = np.linalg.norm(self.states, axis=(1, 2))
        return float(sizes.max() / sizes[-1])


def exact(network: Parameters, batch: Batch, k: int) -> Exact:
    """Return the gradients of L, the mean over the batch of <target, h_T>, in float64.

    h_t = tanh(W h_(t-1) + U x_t); dL/dz_t = (1 - h_t^2) dL/dh_t, dL/dh_(t-1) = W^T dL/dz_t; each step adds the outer
    product of dL/dz_t and h_(t-1) to dL/dW.
    """
    W, U = network["weight_hh_l0"], network["weight_ih_l0"]
    T, B, _ = batch.inputs.shape
    h = [np.zeros((B, len(W)))]
    for x in batch.inputs:
        h.append(np.tanh(h[-1] @ W.T + x @ U.T))
    delta = batch.targets / B
    states, products = [delta], []
    for t in range(T, 0, -1):
        dz = (1.0 - h[t] ** 2) * delta
        products.append(dz.T @ h[t - 1])
        delta = dz @ W
        states.append(delta)
    return Exact(np.stack(states[:T][::-1]), np.sum(products, axis=0), np.sum(products[:k], axis=0))
