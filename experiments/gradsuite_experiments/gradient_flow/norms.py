"""Norms of state gradients: how they are computed, and what is stored of them."""

from collections.abc import Iterator

import numpy as np
from gradsuite.backend import Backend, Batch
from gradsuite.model import Model
from gradsuite.parameters import Parameters
from gradsuite.rows import Measurement

from gradsuite_experiments.gradient_flow.laws import HORIZON, NORM_MEAN, QUANTILES, RATE, VERDICT, trend

DISTANCES = 32  # that are stored, at most; all are measured and fitted


def backpropagate(
    backend: Backend, model: Model, parameters: Parameters, batch: Batch, *, device: str, dtype: str
) -> np.ndarray:
    """Return the state gradients of one batch, on the host: (T, layers, B, H), or (layers, B, H) for `mlp`.

    They are multiplied by B, for losses are means over the batch: each is dL/dh of its own sequence's loss.
    """
    network = backend.build(model, parameters, device=device, dtype=dtype)
    gradients = network.backward(network.forward(network.put(batch), states=True))
    states = network.fetch(gradients.states).astype(np.float64)
    return states * states.shape[-2]


def norm(gradients: np.ndarray) -> np.ndarray:
    """Return the Euclidean norm over the last axis in float64, where squares would overflow or underflow too.

    Infinities give inf, NaN gives NaN.
    """
    magnitudes = np.abs(gradients.astype(np.float64))
    largest = magnitudes.max(axis=-1, keepdims=True)
    scale = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
    with np.errstate(over="ignore"):
        return scale[..., 0] * np.sqrt(np.square(magnitudes / scale).sum(axis=-1))


def measurements(norms: np.ndarray, step: str, *, layer: int | None = None) -> Iterator[Measurement]:
    """Yield what is stored of norms (K, B) by distance and sequence; `step` is what distances are counted in.

    The mean and quantiles over the batch (index: distance), then the mean's rate, horizon and verdict.
    """
    mean = norms.mean(axis=-1)
    # A quantile that is one of the samples: between infinities nothing can be interpolated.
    spread = np.quantile(norms, list(QUANTILES.values()), axis=-1, method="inverted_cdf")
    for distance in np.unique(np.linspace(0, len(norms) - 1, DISTANCES).round().astype(int)):
        for metric, values in zip((NORM_MEAN, *QUANTILES), (mean, *spread), strict=True):
            yield Measurement(metric, float(values[distance]), index=int(distance), layer=layer)
    found = trend(mean)
    yield Measurement(RATE, found.rate, f"1/{step}", layer=layer)
    yield Measurement(HORIZON, found.horizon, f"{step}s", layer=layer)
    yield Measurement(VERDICT, found.verdict, note=found.word, layer=layer)
