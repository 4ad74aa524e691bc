"""Laws of time that hold exactly: the Jacobians of a linear RNN are the powers of its recurrent matrix."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure
from gradsuite.model import Model
from gradsuite.parameters import Initialisation, initialise, normal, orthogonal
from gradsuite.precision import UNIT_ROUNDOFF
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, Presets, Setting, Settings
from gradsuite.theory import powers

from gradsuite_experiments.common.frames import places, trials, values
from gradsuite_experiments.common.sweep import sweep
from gradsuite_experiments.exact_time import figures

COUPLING = 1.0  # from one unit of a Jordan block to the other
STORED = 48  # lags that are stored, evenly in their logarithm
EXACT = "exact: dh_T/dh_t = W^(T-t)"
SAXE = "Saxe, McClelland & Ganguli 2013, arXiv:1312.6120"
PASCANU = "Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, sec. 2.1"
GELFAND = "Gelfand's formula, with ln cond(V) / k for W = V D V^-1 and ln(1 + k c / rho) / k for Jordan blocks: exact"


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


MATRICES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "orthogonal": haar,
    "symmetric": symmetric,
    "gaussian": gaussian,
}


def matrix(kind: str, size: int, radius: float) -> np.ndarray:
    """Return the recurrent matrix; Jordan blocks of two units, [[radius, c], [0, radius]], behind a rotation."""
    rng = np.random.default_rng(1)
    if kind != "jordan":
        return radius * MATRICES[kind](rng, size)
    axes = haar(rng, size)
    feeds = COUPLING * (np.arange(size - 1) % 2 == 0)
    return axes @ (radius * np.eye(size) + np.diag(feeds, 1)) @ axes.T


class ExactTime(Experiment):
    """The extreme singular values of dh_T/dh_t against the lag T - t."""

    name = "exact-time"
    question = "Do gradients of linear RNNs obey the powers of W: bounded by sigma_max, ruled by the spectral radius?"
    settings = (
        Setting("matrix", str, "which kind of recurrent matrix", choices=(*MATRICES, "jordan")),
        Setting("radius", float, "spectral radius of the recurrent matrix", minimum=0, above=True),
        Setting("hidden_size", int, "units", minimum=2),
        Setting("lags", int, "steps back in time", minimum=2),
        DTYPE,
    )
    presets: ClassVar[Presets] = {
        preset: {
            "matrix": [*MATRICES, "jordan"],
            "radius": radius,
            "hidden_size": [N],
            "lags": [1000],
            "dtype": ["float64"],
        }
        for preset, radius, N in (
            ("quick", [0.98, 1.0], 16),
            ("standard", [0.98, 1.0, 1.01], 32),
            ("full", [0.9, 0.95, 0.98, 0.99, 1.0, 1.01, 1.02, 1.05], 128),
        )
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure the largest and the smallest singular value at lags spaced evenly in their logarithm."""
        N, lags = int(settings["hidden_size"]), int(settings["lags"])
        model = Model("rnn", 1, N, activation="identity", readout="none", loss="inner_product")
        network = initialise(model, Initialisation("normal"))
        network["weight_hh_l0"] = matrix(str(settings["matrix"]), N, float(settings["radius"]))
        inputs = np.random.default_rng(0).standard_normal((lags + 1, N, 1))
        # One unit vector a sequence: N dL/dh_t are the rows of dh_T/dh_t, for L is a mean over the batch.
        batch = Batch(inputs, np.eye(N))
        (flow,) = sweep(backend, model, [network], batch, device=device, dtype=str(settings["dtype"]))
        stored = np.unique(np.geomspace(1, lags, STORED).astype(int))
        jacobians = N * flow.states[::-1][stored, 0].astype(np.float64)
        singular = np.linalg.svd(jacobians, compute_uv=False)
        yield [
            Measurement(metric, value, index=int(lag))
            for metric, column in (("sigma_max", 0), ("sigma_min", -1))
            for lag, value in zip(stored, singular[:, column], strict=True)
        ]

    def claims(self, rows: pd.DataFrame) -> Iterator[Claim]:
        """Yield the law at every lag, its bound and its limit, and what a matrix that is not normal does before it."""
        for backend, at, cell in trials(rows):
            kind, radius, lags = at["matrix"], at["radius"], places(cell, "sigma_max")
            law = expected(kind, at["hidden_size"], radius, at["lags"])
            # Of a logarithm, the relative error.
            allowed = powers.rounding(law, at["hidden_size"], 2.0 * UNIT_ROUNDOFF[at["dtype"]])[lags]
            found, law = np.log(values(cell, "sigma_max")), np.log(law)
            claim = partial(Claim, self.name, backend)
            if kind == "orthogonal":
                sentence = "Linear RNN, orthogonal W of radius 1: every gradient keeps its length, at every lag."
                smallest = np.log(values(cell, "sigma_min"))
                for side in (smallest, found) if radius == 1.0 else ():
                    yield from map(partial(claim, sentence, SAXE), law[lags], side, allowed)
            sentence = f"Linear RNN, {kind} W: the largest singular value of dh_T/dh_t is that of W^(T-t)."
            yield from map(partial(claim, sentence, EXACT), law[lags], found, allowed)
            sentence = "Linear RNN: no gradient grows faster a step than the largest singular value of W."
            yield from map(partial(claim, sentence, PASCANU, relation="<="), lags * law[1], found, allowed)
            sentence = f"Linear RNN, {kind} W: that singular value's k-th root tends to the spectral radius."
            near = limit(at, lags)[-1] + allowed[-1] / lags[-1]
            yield claim(sentence, GELFAND, np.log(radius), found[-1] / lags[-1], near)
            if kind == "jordan" and radius < 1.0:
                sentence = (
                    "Linear RNN, jordan W of radius below 1: gradients grow first, to the peak of sigma_max(W^k)."
                )
                peak = law[lags].argmax()
                yield claim(sentence, EXACT, law[lags][peak], found.max(), allowed[peak])

    def figures(self, rows: pd.DataFrame, claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield the singular values against the lag, and their k-th roots."""
        claims = claims
        yield figures.norms(rows, claims, expected)
        yield figures.roots(rows, claims, expected, limit)


@lru_cache
def expected(kind: str, size: int, radius: float, lags: int) -> np.ndarray:
    """Return sigma_max(W^k) for k = 0 ... lags, in closed form where there is one."""
    if kind == "jordan":
        return powers.jordan_norms(radius, COUPLING, lags)
    if kind == "gaussian":
        return powers.norms(matrix(kind, size, radius), lags)
    return radius ** np.arange(lags + 1.0)


def limit(at: "pd.Series[Any]", lags: np.ndarray) -> np.ndarray:
    """Return how far ln sigma_max(W^k) / k may be above the logarithm of the spectral radius."""
    if at["matrix"] == "jordan":
        return powers.jordan_excess(at["radius"], COUPLING, lags)
    return powers.excess(matrix(at["matrix"], at["hidden_size"], at["radius"]), lags)
