"""The gradient that is clipped, by the textbook's recursions and no backend's code."""

import numpy as np
from gradsuite.backend import Batch
from gradsuite.parameters import Parameters


def gradient(network: Parameters, batch: Batch) -> Parameters:
    """Return the gradient of L, the mean over the batch of <target, h_T>, for a linear RNN, in float64.

    h_t = W h_(t-1) + U x_t + b, dL/dh_(t-1) = W^T dL/dh_t; each step adds the outer products of dL/dh_t with h_(t-1)
    and x_t, and dL/dh_t itself to both biases'.
    """
    W, U = network["weight_hh_l0"], network["weight_ih_l0"]
    b = network["bias_ih_l0"] + network["bias_hh_l0"]
    T, B, _ = batch.inputs.shape
    h = [np.zeros((B, len(W)))]
    for x in batch.inputs:
        h.append(h[-1] @ W.T + x @ U.T + b)
    delta = batch.targets / B
    found = {name: np.zeros_like(p) for name, p in network.items()}
    for t in range(T - 1, -1, -1):
        found["weight_hh_l0"] += delta.T @ h[t]
        found["weight_ih_l0"] += delta.T @ batch.inputs[t]
        for bias in ("bias_ih_l0", "bias_hh_l0"):
            found[bias] += delta.sum(axis=0)
        delta = delta @ W
    return found
