"""How far back a network's gradient reaches while it learns."""

from dataclasses import replace

import numpy as np

from gradsuite.backend import Backend, Batch, Gradients
from gradsuite.model import Model
from gradsuite.parameters import Parameters
from gradsuite.theory.horizon import horizon


def reach(gradients: Gradients, batch: Batch) -> float:
    """Return the lag at which 1/1000 of the state gradient is left, or the longest lag if more is left there.

    `gradients` are on the host, of a loss that reads the last state. The norm is over layers, units and batch, and over
    h and c, at each lag back from the end of every sequence; the lag of longest sequences counts. NaN if there is none.
    """
    squares = sum(
        np.square(states.astype(np.float64)).sum(axis=(1, 3))
        for states in (gradients.states, gradients.cell_states)
        if states is not None
    )  # (T, B)
    ends = batch.valid.sum(axis=0)
    lags = np.arange(len(squares))[:, np.newaxis]
    places = ends - 1 - lags
    at_lag = np.where(places >= 0, np.take_along_axis(squares, np.maximum(places, 0), axis=0), 0.0).sum(axis=-1)
    if not at_lag[0] > 0 or not np.isfinite(at_lag).all():
        return float("nan")
    norms = np.sqrt(at_lag / at_lag[0])
    return min(horizon(norms, 0.0), float(len(norms) - 1))


def probe(backend: Backend, model: Model, parameters: Parameters, batch: Batch, *, device: str, dtype: str) -> float:
    """Return the reach of the last state's own gradient: for a loss that reads every state, where lags mix.

    The loss is the last state's projection on random unit vectors, the same at every call.
    """
    last = replace(model, readout="none", output_size=0, loss="inner_product")
    kept = {name: value for name, value in parameters.items() if not name.startswith("readout.")}
    directions = np.random.default_rng(0).standard_normal((batch.inputs.shape[1], last.output_width))
    network = backend.build(last, kept, device=device, dtype=dtype)
    read = replace(batch, targets=directions / np.linalg.norm(directions, axis=-1, keepdims=True), masks=None)
    tape = network.forward(network.put(read), states=True)
    return reach(network.fetch_gradients(network.backward(tape)), read)
