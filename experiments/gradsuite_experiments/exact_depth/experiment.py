"""Laws of depth that hold exactly at any width: deep linear, ReLU and orthogonal networks at initialisation."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim, Resolution, Source
from gradsuite.experiment import Experiment, Figure
from gradsuite.footprint import least_memory
from gradsuite.model import Model
from gradsuite.parameters import Initialisation
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, HIDDEN_SIZE, SEEDS, Presets, Setting, Settings
from gradsuite.theory import linear
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import trials, values
from gradsuite_experiments.common.sweep import draws, log_mean_square, scaled, sweep
from gradsuite_experiments.exact_depth import laws
from gradsuite_experiments.exact_depth.laws import (
    FACTOR_MEAN,
    LAWS,
    LN_FACTOR_VARIANCE,
    LN_RATIO,
    LN_RATIO_MEAN,
    LN_RATIO_SD,
)

if TYPE_CHECKING:
    import pandas as pd


class ExactDepth(Experiment):
    """Squared gradient norms at each layer below the top over those at the top, for many networks."""

    name = "exact-depth"
    question = "Do gradients of deep linear, ReLU and orthogonal networks obey their exact laws?"
    topic = Topic.THEORY
    timed = False
    apart = ("quick",)
    settings = (
        Setting("law", str, "kind of network", choices=tuple(LAWS)),
        Setting("relative_gain", float, "sigma_w over its critical value", minimum=0, above=True),
        HIDDEN_SIZE,
        Setting("depth", int, "layers that the gradient passes", minimum=1, size=True),
        replace(SEEDS, minimum=2),
        DTYPE,
    )
    presets: ClassVar[Presets] = {
        preset: {
            "law": list(LAWS),
            "relative_gain": gains,
            "hidden_size": [N],
            "depth": [20],
            "seeds": [seeds],
            "dtype": ["float64"],
        }
        for preset, gains, N, seeds in (
            ("quick", [0.9, 1.1], 32, 240),
            ("standard", [0.9, 1.0, 1.1], 64, 200),
            ("full", [0.9, 1.0, 1.1], 64, 2000),
        )
    }

    def memory(self, settings: Settings) -> int:
        """Return what a multilayer perceptron of that depth takes."""
        return least_memory({**settings, "cell": "mlp", "num_layers": settings["depth"]})

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure ln |dL/dh|^2 over that at the top, for every network and depth, and what each layer adds to it."""
        law, N, depth = LAWS[settings["law"]], settings["hidden_size"], settings["depth"]
        # A random readout of each network's own: what it sends back has symmetric signs, else relu's law is not exact.
        model = Model("mlp", N, N, 1, num_layers=depth + 1, loss="inner_product")
        drawn = draws(model, Initialisation(law.initialiser), settings["seeds"])
        model = replace(model, activation=law.activation)
        networks = [scaled(network, settings["relative_gain"] * law.critical) for network in drawn]
        rng = np.random.default_rng(0)
        batch = Batch(rng.standard_normal((1, N)), np.ones((1, 1)))
        flows = sweep(backend, model, networks, batch, device=device, dtype=settings["dtype"])
        logs = np.array([log_mean_square(flow.states)[::-1] for flow in flows])
        ratios, factors = logs - logs[:, :1], np.diff(logs, axis=1)
        by_layer = {FACTOR_MEAN: np.exp(factors).mean(axis=0), LN_FACTOR_VARIANCE: factors.var(axis=0, ddof=1)}
        yield [
            *(Measurement(LN_RATIO, ratio, member=k) for k, ratio in enumerate(ratios[:, -1])),
            *(Measurement(LN_RATIO_MEAN, mean, layer=k) for k, mean in enumerate(ratios.mean(axis=0))),
            *(Measurement(LN_RATIO_SD, sd, layer=k) for k, sd in enumerate(ratios.std(axis=0, ddof=1))),
            *(Measurement(name, x, layer=k) for name, numbers in by_layer.items() for k, x in enumerate(numbers, 1)),
        ]

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield the laws' claims on every trial."""
        claims_of = {"linear": self._linear, "relu": self._relu, "orthogonal": self._orthogonal}
        for backend, at, trial in trials(rows):
            claim = partial(Claim, backend=backend)
            yield from claims_of[at["law"]](claim, at, at["relative_gain"] * LAWS[at["law"]].critical, trial)

    def _linear(
        self, claim: Callable[..., Claim], at: "pd.Series[Any]", sigma_w: float, trial: "pd.DataFrame"
    ) -> Iterator[Claim]:
        """Yield the mean and the variance of what a layer adds to ln |dL/dh|^2, both exact."""
        layer, n = linear.layer_log(at["hidden_size"], sigma_w), at["depth"] * at["seeds"]
        expected, tolerance = laws.typical(layer, n)
        yield claim(
            name=f"{self.name}/linear/mean",
            sentence=laws.LINEAR_MEAN,
            source=laws.CHI_SQUARED,
            expected=expected,
            measured=math.exp(values(trial, LN_RATIO, along="member").mean() / at["depth"]),
            tolerance=tolerance,
            resolution=Resolution.linear(expected, tolerance, laws.SQUARED_FACTOR),
        )
        yield self._spread(claim, "linear", laws.LINEAR_SPREAD, laws.CHI_SQUARED, laws.spread(layer, n), trial)

    def _relu(
        self, claim: Callable[..., Claim], at: "pd.Series[Any]", sigma_w: float, trial: "pd.DataFrame"
    ) -> Iterator[Claim]:
        """Yield the mean of a layer's factor of |dL/dh|^2 and the variance of its logarithm, both exact."""
        N, n = at["hidden_size"], at["depth"] * at["seeds"]
        expected, tolerance = laws.relu_mean(N, sigma_w, n)
        yield claim(
            name=f"{self.name}/relu/mean",
            sentence=laws.RELU_MEAN,
            source=laws.HANIN,
            expected=expected,
            measured=values(trial, FACTOR_MEAN, along="layer").mean(),
            tolerance=tolerance,
            resolution=Resolution.linear(expected, tolerance, laws.SQUARED_FACTOR),
        )
        law = laws.spread(linear.relu_layer_log(N), n)
        yield self._spread(claim, "relu", laws.RELU_SPREAD, laws.RELU_VARIANCE, law, trial)

    def _spread(
        self,
        claim: Callable[..., Claim],
        law: str,
        sentence: str,
        source: Source,
        expected: tuple[float, float],
        trial: "pd.DataFrame",
    ) -> Claim:
        """Return the claim of the variance that a layer adds, with what is expected and its tolerance."""
        variance, tolerance = expected
        return claim(
            name=f"{self.name}/{law}/variance",
            sentence=sentence,
            source=source,
            expected=variance,
            measured=values(trial, LN_FACTOR_VARIANCE, along="layer").mean(),
            tolerance=tolerance,
            resolution=Resolution.linear(variance, tolerance, laws.GROWING_VARIANCE),
        )

    def _orthogonal(
        self, claim: Callable[..., Claim], at: "pd.Series[Any]", sigma_w: float, trial: "pd.DataFrame"
    ) -> Iterator[Claim]:
        """Yield the gain, the largest relative error of which is measured."""
        ratios, depth = values(trial, LN_RATIO, along="member"), at["depth"]
        error = np.expm1(ratios / 2.0 - depth * math.log(sigma_w))
        tolerance = laws.rounding(at["hidden_size"], depth, at["dtype"])
        yield claim(
            name=f"{self.name}/orthogonal/gain",
            sentence=laws.ORTHOGONAL_GAIN,
            source=laws.SAXE,
            expected=0.0,
            measured=error[abs(error).argmax()],
            tolerance=tolerance,
            resolution=Resolution.logarithmic(tolerance, laws.FACTOR, power=depth),
        )

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield |dL/dh|^2 against the layers passed, one panel per law."""
        from gradsuite_experiments.exact_depth.figures import draw

        yield draw(rows, claims)
