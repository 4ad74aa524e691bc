"""The twin: the same network in extended precision, by no backend's code."""

import numpy as np
from gradsuite.backend import Batch
from gradsuite.parameters import Parameters


def twin(network: Parameters, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Return states and state gradients (T, B, N) in extended precision.

    The textbook's recursions: h_t = tanh(W h_(t-1) + U x_t), dL/dh_(t-1) = W^T (1 - h_t^2) dL/dh_t, with L the mean
    over time and batch of the last state's sum.
    """
    W, U = (network[name].astype(np.longdouble) for name in ("weight_hh_l0", "weight_ih_l0"))
    T, B, _ = batch.inputs.shape
    h = np.zeros(batch.inputs.shape[1:], np.longdouble)
    # U is diagonal: each unit reads a noise of its own.
    drive = batch.inputs.astype(np.longdouble) * np.diag(U)
    states = np.stack([h := np.tanh(h @ W.T + drive[t]) for t in range(T)])
    delta = np.ones_like(h) / (T * B)
    gradients = [delta]
    for t in range(T - 1, 0, -1):
        delta = ((1.0 - states[t] ** 2) * delta) @ W
        gradients.append(delta)
    return states, np.stack(gradients[::-1])
