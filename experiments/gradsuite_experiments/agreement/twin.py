"""The twin: the same network in extended precision, by no backend's code; and what becomes of its rounding errors."""

import numpy as np
from gradsuite.backend import Batch
from gradsuite.parameters import Parameters


def twin_states(network: Parameters, batch: Batch) -> np.ndarray:
    """Return states (T, B, N) in extended precision: h_t = tanh(W h_(t-1) + U x_t)."""
    W, U = (network[name].astype(np.longdouble) for name in ("weight_hh_l0", "weight_ih_l0"))
    h = np.zeros(batch.inputs.shape[1:], np.longdouble)
    # U is diagonal: each unit reads a noise of its own.
    drive = batch.inputs.astype(np.longdouble) * np.diag(U)
    return np.stack([h := np.tanh(h @ W.T + x) for x in drive])


def twin_gradients(network: Parameters, states: np.ndarray) -> np.ndarray:
    """Return state gradients (T, B, N) in extended precision.

    dL/dh_(t-1) = W^T (1 - h_t^2) dL/dh_t, with L the mean over time and batch of the last state's sum.
    """
    W = network["weight_hh_l0"].astype(np.longdouble)
    T, B, _ = states.shape
    delta = np.ones_like(states[0]) / (T * B)
    gradients = [delta]
    for t in range(T - 1, 0, -1):
        delta = ((1.0 - states[t] ** 2) * delta) @ W
        gradients.append(delta)
    return np.stack(gradients[::-1])


def rounding_distances(network: Parameters, states: np.ndarray, roundoff: float, count: int) -> np.ndarray:
    """Return `count` samples (count, T) of the relative distance that rounding leaves, by time step.

    Every state is off by random units in the last place, for its sum and its tanh round, and what it inherits is
    carried by the Jacobian: e_t = (1 - h_t^2) W e_(t-1) + 2 u |h_t| noise, linear while distances are small.
    """
    W, h = network["weight_hh_l0"].astype(np.float64), states.astype(np.float64)
    rng = np.random.default_rng(1)
    e = np.zeros((count, *h.shape[1:]))
    distances = []
    for state in h:
        e = (1.0 - state**2) * (e @ W.T) + 2.0 * roundoff * abs(state) * rng.standard_normal(e.shape)
        distances.append(np.linalg.norm(e, axis=(1, 2)) / np.linalg.norm(state))
    return np.array(distances).T
