"""How gradients flow back: norms of state gradients, the rate at which they change, and a verdict.

A distance is what lies between a state and the loss: a lag T - t in time, a number of layers in depth.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from gradsuite.backend import Backend, Batch
from gradsuite.model import Model
from gradsuite.parameters import Parameters
from gradsuite.rows import Measurement

from gradsuite_experiments.common.horizon import horizon

# A gradient is stable if over the whole measured distance it changes by less than a factor of ten: such a change
# costs no precision in float32 (seven digits) and one learning rate still suits both ends.
STABLE_FACTOR = 10.0
# The first steps are left out of the fit: there the gradient turns from the loss's direction into the Jacobians'
# own, and an LSTM's passes its output gate, once. At most a quarter of the distance, where that is short.
TRANSIENT = 5
DISTANCES = 32  # at most so many are stored; all are measured and fitted
QUANTILES = {"norm_q10": 0.1, "norm_median": 0.5, "norm_q90": 0.9}
VERDICTS = {-1.0: "vanishing", 0.0: "stable", 1.0: "exploding"}


@dataclass(frozen=True, slots=True)
class Trend:
    """How norms change with the distance: `rate` is d ln(norm) / d(distance), `verdict` -1, 0 or 1, or NaN as the rate.

    `horizon` is the distance at which the norm is 1/1000 of its start: where it was measured, else by the rate;
    infinite if the norm does not fall.
    """

    rate: float
    horizon: float
    verdict: float

    @property
    def word(self) -> str:
        """The verdict in a word."""
        return VERDICTS.get(self.verdict, "undefined")


def norm(gradients: np.ndarray) -> np.ndarray:
    """Return the Euclidean norm over the last axis in float64, where squares would overflow or underflow too.

    Infinities give inf, NaN gives NaN.
    """
    magnitudes = np.abs(gradients.astype(np.float64))
    largest = magnitudes.max(axis=-1, keepdims=True)
    scale = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
    with np.errstate(over="ignore"):
        return scale[..., 0] * np.sqrt(np.square(magnitudes / scale).sum(axis=-1))


def trend(norms: np.ndarray) -> Trend:
    """Fit norms (K) over the distances 0 to K - 1 by least squares on their logarithms, past the transient.

    Only finite positive norms are fitted. With fewer than two of them the rate is -inf if the rest are zero, inf if
    the rest have overflowed, NaN if neither.
    """
    distances = np.arange(len(norms), dtype=np.float64)
    later = distances >= min(TRANSIENT, len(norms) // 4)
    fitted = later & np.isfinite(norms) & (norms > 0)
    if fitted.sum() >= 2:
        rate = float(np.polyfit(distances[fitted], np.log(norms[fitted]), 1)[0])
    else:
        rest = norms[later & ~fitted]
        rate = -np.inf if (rest == 0).any() else np.inf if np.isinf(rest).any() else np.nan
    change = rate * (len(norms) - 1)
    verdict = 0.0 if abs(change) < np.log(STABLE_FACTOR) else float(np.sign(change))
    return Trend(rate, horizon(norms, rate), verdict)


def measurements(norms: np.ndarray, step: str, *, layer: int | None = None) -> Iterator[Measurement]:
    """Yield what is stored of norms (K, B) by distance and sequence; `step` is the distance's unit.

    `norm_mean` and quantiles over the batch (index: distance), then `rate` (of the mean), `horizon` and `verdict`.
    """
    mean = norms.mean(axis=-1)
    # A quantile that is one of the samples: between infinities nothing can be interpolated.
    spread = np.quantile(norms, list(QUANTILES.values()), axis=-1, method="inverted_cdf")
    for distance in np.unique(np.linspace(0, len(norms) - 1, DISTANCES).round().astype(int)):
        yield Measurement("norm_mean", float(mean[distance]), index=int(distance), layer=layer)
        for name, values in zip(QUANTILES, spread, strict=True):
            yield Measurement(name, float(values[distance]), index=int(distance), layer=layer)
    found = trend(mean)
    yield Measurement("rate", found.rate, f"1/{step}", layer=layer)
    yield Measurement("horizon", found.horizon, f"{step}s", layer=layer)
    yield Measurement("verdict", found.verdict, found.word, layer=layer)


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
