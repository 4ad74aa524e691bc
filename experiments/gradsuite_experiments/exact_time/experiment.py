"""Laws of time that hold exactly: the Jacobians of a linear RNN are the powers of its recurrent matrix."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim, Resolution
from gradsuite.experiment import Experiment, Figure
from gradsuite.model import Model
from gradsuite.parameters import Initialisation, initialise
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, HIDDEN_SIZE, LAGS, Presets, Setting, Settings
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import places, trials, values
from gradsuite_experiments.common.sweep import sweep
from gradsuite_experiments.exact_time import laws
from gradsuite_experiments.exact_time.laws import NAMES, SIGMA_MAX, SIGMA_MIN
from gradsuite_experiments.exact_time.matrices import KINDS, matrix

if TYPE_CHECKING:
    import pandas as pd

STORED = 48  # lags that are stored, evenly in their logarithm


class ExactTime(Experiment):
    """The extreme singular values of dh_T/dh_t against the lag T - t."""

    name = "exact-time"
    question = "Do gradients of linear RNNs obey the powers of W: bounded by sigma_max, ruled by the spectral radius?"
    topic = Topic.THEORY
    timed = False
    settings = (
        Setting("matrix", str, "kind of recurrent matrix", choices=KINDS),
        Setting("radius", float, "spectral radius of the recurrent matrix", minimum=0, above=True),
        replace(HIDDEN_SIZE, minimum=2),
        replace(LAGS, minimum=2),
        DTYPE,
    )
    presets: ClassVar[Presets] = {
        preset: {
            "matrix": list(KINDS),
            "radius": radii,
            "hidden_size": [N],
            "lags": [1000],
            "dtype": ["float64"],
        }
        for preset, radii, N in (
            ("quick", [0.98, 1.0], 16),
            ("standard", [0.98, 1.0, 1.01], 32),
            ("full", [0.9, 0.95, 0.98, 0.99, 1.0, 1.01, 1.02, 1.05], 128),
        )
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure the largest and the smallest singular value at lags spaced evenly in their logarithm."""
        N, lags = settings["hidden_size"], settings["lags"]
        model = Model("rnn", 1, N, activation="identity", readout="none", loss="inner_product")
        network = initialise(model, Initialisation("normal"))
        network["weight_hh_l0"] = matrix(settings["matrix"], N, settings["radius"])
        inputs = np.random.default_rng(0).standard_normal((lags + 1, N, 1))
        # One unit vector per sequence: N dL/dh_t are the rows of dh_T/dh_t, for L is a mean over the batch.
        batch = Batch(inputs, np.eye(N))
        (flow,) = sweep(backend, model, [network], batch, device=device, dtype=settings["dtype"])
        stored = np.unique(np.geomspace(1, lags, STORED).astype(int))
        jacobians = N * flow.states[::-1][stored, 0].astype(np.float64)
        singular = np.linalg.svd(jacobians, compute_uv=False)
        yield [
            Measurement(metric, value, index=int(lag))
            for metric, column in ((SIGMA_MAX, 0), (SIGMA_MIN, -1))
            for lag, value in zip(stored, singular[:, column], strict=True)
        ]

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield the law at every lag, its bound and its limit, and what a matrix that is not normal does before it.

        Singular values are compared by their logarithms.
        """
        for backend, at, trial in trials(rows):
            kind, radius = at["matrix"], at["radius"]
            law = np.log(laws.norms(kind, at["hidden_size"], radius, at["lags"]))
            if kind == "orthogonal" and radius == 1.0:
                yield from self.length_claims(backend, at, trial, law)
            yield from self.power_claims(backend, at, trial, law)
            yield self.radius_claim(backend, at, trial)
            if kind == "jordan" and radius < 1.0:
                yield self.peak_claim(backend, at, trial, law)

    def length_claims(
        self, backend: str, at: "pd.Series[Any]", trial: "pd.DataFrame", law: np.ndarray
    ) -> Iterator[Claim]:
        """Yield, at every lag, that an orthogonal matrix changes no length: neither extreme singular value."""
        lags = places(trial, SIGMA_MAX)
        claim = partial(
            Claim,
            name=f"{self.name}/lengths",
            backend=backend,
            sentence="Linear RNN, orthogonal W of radius 1: every gradient keeps its length, at every lag.",
            source=laws.SAXE,
        )
        for metric in (SIGMA_MIN, SIGMA_MAX):
            logs, rounding = np.log(values(trial, metric)), laws.rounding_tolerance(at)[lags]
            for lag, measured, tolerance in zip(lags, logs, rounding, strict=True):
                resolution = laws.resolution(tolerance, lag)
                yield claim(expected=law[lag], measured=measured, tolerance=tolerance, resolution=resolution)

    def power_claims(
        self, backend: str, at: "pd.Series[Any]", trial: "pd.DataFrame", law: np.ndarray
    ) -> Iterator[Claim]:
        """Yield, at every lag, the largest singular value of the power, and its bound."""
        lags, logs = places(trial, SIGMA_MAX), np.log(values(trial, SIGMA_MAX))
        for lag, measured, tolerance in zip(lags, logs, laws.rounding_tolerance(at)[lags], strict=True):
            yield Claim(
                name=f"{self.name}/powers/{at['matrix']}",
                backend=backend,
                sentence=f"Linear RNN, {NAMES[at['matrix']]}: sigma_max of dh_T/dh_t is that of W^(T-t).",
                source=laws.EXACT,
                expected=law[lag],
                measured=measured,
                tolerance=tolerance,
                resolution=laws.resolution(tolerance, lag),
            )
            yield Claim(
                name=f"{self.name}/bound",
                backend=backend,
                sentence="Linear RNN: no gradient grows by more than sigma_max(W) per step.",
                source=laws.PASCANU,
                expected=lag * law[1],
                measured=measured,
                tolerance=tolerance,
                resolution=laws.resolution(tolerance, lag, slack=lag * law[1] - law[lag]),
                relation="<=",
            )

    def radius_claim(self, backend: str, at: "pd.Series[Any]", trial: "pd.DataFrame") -> Claim:
        """Return the factor per step in the end, which is the spectral radius."""
        lags, logs = places(trial, SIGMA_MAX), np.log(values(trial, SIGMA_MAX))
        first, last = laws.tail(lags)
        tolerance = laws.limit_tolerance(at, first, last)
        return Claim(
            name=f"{self.name}/radius/{at['matrix']}",
            backend=backend,
            sentence=f"Linear RNN, {NAMES[at['matrix']]}: in the end gradients change by the spectral radius per step.",
            source=laws.GELFAND,
            expected=at["radius"],
            measured=np.exp((logs[-1] - logs[lags == first][0]) / (last - first)),
            tolerance=tolerance,
            resolution=Resolution.linear(at["radius"], tolerance, laws.FACTOR),
        )

    def peak_claim(self, backend: str, at: "pd.Series[Any]", trial: "pd.DataFrame", law: np.ndarray) -> Claim:
        """Return how far gradients grow before they vanish."""
        lags = places(trial, SIGMA_MAX)
        peak = lags[law[lags].argmax()]
        tolerance = laws.rounding_tolerance(at)[peak]
        return Claim(
            name=f"{self.name}/peak",
            backend=backend,
            sentence="Linear RNN, W of Jordan blocks, radius < 1: gradients first grow to the peak of sigma_max(W^k).",
            source=laws.EXACT,
            expected=law[peak],
            measured=np.log(values(trial, SIGMA_MAX)).max(),
            tolerance=tolerance,
            resolution=laws.resolution(tolerance, peak),
        )

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield the singular values against the lag, and their k-th roots."""
        from gradsuite_experiments.exact_time import figures

        yield figures.norms(rows, claims)
        yield figures.roots(rows, claims)
