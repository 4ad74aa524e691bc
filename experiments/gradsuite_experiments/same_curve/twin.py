"""The twin: the same training in extended precision, by the textbook and by no backend's code."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from gradsuite.backend import Batch
from gradsuite.optimizers import Optimizer, Slots

Arrays = Mapping[str, np.ndarray]


def gradients(p: Arrays, batch: Batch) -> tuple[np.longdouble, dict[str, np.ndarray]]:
    """Return loss and gradients of a plain tanh network: h_t = tanh(W h_(t-1) + U x_t + b), y = V h_T + c.

    The loss is the mean squared error. Backwards, dz_t = (1 - h_t^2) dL/dh_t and dL/dh_(t-1) = W^T dz_t.
    """
    x, targets = batch.inputs.astype(np.longdouble), batch.targets.astype(np.longdouble)
    W, U, V = p["weight_hh_l0"], p["weight_ih_l0"], p["readout.weight"]
    h = [np.zeros((x.shape[1], len(W)), np.longdouble)]
    for x_t in x:
        h.append(np.tanh(h[-1] @ W.T + x_t @ U.T + p["bias_ih_l0"] + p["bias_hh_l0"]))
    error = h[-1] @ V.T + p["readout.bias"] - targets
    dy = 2.0 * error / error.size
    found = {"readout.weight": dy.T @ h[-1], "readout.bias": dy.sum(axis=0)}
    dW, dU, db, dh = np.zeros_like(W), np.zeros_like(U), np.zeros_like(p["bias_hh_l0"]), dy @ V
    for t in range(len(x), 0, -1):
        dz = (1.0 - h[t] ** 2) * dh
        dW, dU, db, dh = dW + dz.T @ h[t - 1], dU + dz.T @ x[t - 1], db + dz.sum(axis=0), dz @ W
    found |= {"weight_hh_l0": dW, "weight_ih_l0": dU, "bias_ih_l0": db, "bias_hh_l0": db}
    return np.square(error).mean(), found


def losses(
    parameters: Arrays, optimizer: Optimizer, batch: Callable[[int], Batch], steps: int, *, factor: float = 1.0
) -> np.ndarray:
    """Return the loss before each of so many steps; gradients are multiplied by `factor`, which is 1 of a right one."""
    return np.array([float(loss) for loss in _training(parameters, optimizer, batch, steps, factor)])


def _training(
    parameters: Arrays, optimizer: Optimizer, batch: Callable[[int], Batch], steps: int, factor: float
) -> Iterator[np.longdouble]:
    p: Arrays = {name: value.astype(np.longdouble) for name, value in parameters.items()}
    slots: Slots | None = None
    for step in range(steps):
        loss, found = gradients(p, batch(step))
        p, slots = optimizer.apply(p, {name: found[name] * np.longdouble(factor) for name in p}, slots)
        yield loss
