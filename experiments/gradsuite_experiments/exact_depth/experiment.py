"""Laws of depth that hold exactly at any width: deep linear, ReLU and orthogonal networks at initialisation."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure
from gradsuite.model import Model
from gradsuite.parameters import Initialisation
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, HIDDEN_SIZE, SEEDS, Presets, Setting, Settings
from gradsuite.theory import linear

from gradsuite_experiments.common.frames import trials, values
from gradsuite_experiments.common.sweep import draws, log_mean_square, scaled, sweep
from gradsuite_experiments.exact_depth import laws
from gradsuite_experiments.exact_depth.laws import LAWS, LN_RATIO, LN_RATIO_MEAN, LN_RATIO_SD

if TYPE_CHECKING:
    import pandas as pd


class ExactDepth(Experiment):
    """Squared gradient norms at each layer below the top over those at the top, for many networks."""

    name = "exact-depth"
    question = "Do gradients of deep linear, ReLU and orthogonal networks obey their exact laws?"
    settings = (
        Setting("law", str, "kind of network", choices=tuple(LAWS)),
        Setting("relative_gain", float, "sigma_w over its critical value", minimum=0, above=True),
        HIDDEN_SIZE,
        Setting("depth", int, "layers that the gradient passes", minimum=1),
        replace(SEEDS, minimum=2),
        DTYPE,
    )
    presets: ClassVar[Presets] = {
        preset: {
            "law": list(LAWS),
            "relative_gain": gains,
            "hidden_size": [64],
            "depth": [20],
            "seeds": [seeds],
            "dtype": ["float64"],
        }
        for preset, gains, seeds in (
            ("quick", [0.9, 1.1], 40),
            ("standard", [0.9, 1.0, 1.1], 200),
            ("full", [0.9, 1.0, 1.1], 2000),
        )
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure ln |dL/dh|^2 over that at the top, for every network and depth."""
        law, N, depth = LAWS[settings["law"]], settings["hidden_size"], settings["depth"]
        # A random readout of each network's own: what it sends back has symmetric signs, else relu's law is not exact.
        model = Model("mlp", N, N, 1, num_layers=depth + 1, activation=law.activation, loss="inner_product")
        drawn = draws(model, Initialisation(law.initialiser), settings["seeds"])
        networks = [scaled(network, settings["relative_gain"] * law.critical) for network in drawn]
        rng = np.random.default_rng(0)
        batch = Batch(rng.standard_normal((1, N)), np.ones((1, 1)))
        flows = sweep(backend, model, networks, batch, device=device, dtype=settings["dtype"])
        logs = np.array([log_mean_square(flow.states)[::-1] for flow in flows])
        ratios = logs - logs[:, :1]
        yield [
            *(Measurement(LN_RATIO, ratio, member=k) for k, ratio in enumerate(ratios[:, -1])),
            *(Measurement(LN_RATIO_MEAN, mean, layer=k) for k, mean in enumerate(ratios.mean(axis=0))),
            *(Measurement(LN_RATIO_SD, sd, layer=k) for k, sd in enumerate(ratios.std(axis=0, ddof=1))),
        ]

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield the laws' claims on every trial."""
        claims_of = {"linear": self._linear, "relu": self._relu, "orthogonal": self._orthogonal}
        for backend, at, trial in trials(rows):
            sigma_w = at["relative_gain"] * LAWS[at["law"]].critical
            yield from claims_of[at["law"]](backend, at, sigma_w, values(trial, LN_RATIO, along="member"))

    def _linear(self, backend: str, at: "pd.Series[Any]", sigma_w: float, ratios: np.ndarray) -> Iterator[Claim]:
        """Yield the mean and the variance of ln |dL/dh|^2, both exact."""
        N, depth, n = at["hidden_size"], at["depth"], len(ratios)
        variance = linear.log_ratio_variance(N, depth)
        claim = partial(Claim, backend=backend, source=laws.CHI_SQUARED)
        yield claim(
            name=f"{self.name}/linear/mean",
            sentence=laws.LINEAR_MEAN,
            expected=linear.log_ratio_mean(N, depth, sigma_w),
            measured=ratios.mean(),
            tolerance=laws.mean_tolerance(variance, n),
        )
        yield claim(
            name=f"{self.name}/linear/variance",
            sentence=laws.LINEAR_SPREAD,
            expected=variance,
            measured=ratios.var(ddof=1),
            tolerance=laws.variance_tolerance(variance, n),
        )

    def _relu(self, backend: str, at: "pd.Series[Any]", sigma_w: float, ratios: np.ndarray) -> Iterator[Claim]:
        """Yield the mean of |dL/dh|^2, which is exact, and the variance of its log to leading order in 1 / N."""
        N, depth, n = at["hidden_size"], at["depth"], len(ratios)
        yield Claim(
            name=f"{self.name}/relu/mean",
            backend=backend,
            sentence=laws.RELU_MEAN,
            source=laws.HANIN,
            expected=laws.relu_mean(sigma_w, depth),
            measured=np.exp(ratios).mean(),
            tolerance=laws.relu_mean_tolerance(N, sigma_w, depth, n),
        )
        yield Claim(
            name=f"{self.name}/relu/variance",
            backend=backend,
            sentence=laws.RELU_SPREAD,
            source=laws.RELU_VARIANCE,
            expected=linear.relu_log_variance(N, depth),
            measured=ratios.var(ddof=1),
            tolerance=laws.relu_variance_tolerance(N, depth, n),
        )

    def _orthogonal(self, backend: str, at: "pd.Series[Any]", sigma_w: float, ratios: np.ndarray) -> Iterator[Claim]:
        """Yield the gain, the largest relative error of which is measured."""
        error = np.expm1(ratios / 2.0 - at["depth"] * math.log(sigma_w))
        yield Claim(
            name=f"{self.name}/orthogonal/gain",
            backend=backend,
            sentence=laws.ORTHOGONAL_GAIN,
            source=laws.SAXE,
            expected=0.0,
            measured=error[abs(error).argmax()],
            tolerance=laws.rounding(at["hidden_size"], at["depth"], at["dtype"]),
        )

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield |dL/dh|^2 against the layers passed, one panel per law."""
        from gradsuite_experiments.exact_depth.figures import draw

        yield draw(rows, claims)
