"""Laws of depth that hold exactly at any width: deep linear, ReLU and orthogonal networks at initialisation."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
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
from gradsuite_experiments.exact_depth.laws import LAWS, LOG_RATIO, LOG_RATIO_MEAN, LOG_RATIO_SD

if TYPE_CHECKING:
    import pandas as pd


class ExactDepth(Experiment):
    """Squared gradient norms by the layers below the top, over those at the top, for many networks."""

    name = "exact-depth"
    question = "Do gradients of deep linear, ReLU and orthogonal networks obey their exact laws?"
    settings = (
        Setting("law", str, "kind of network that has an exact law", choices=tuple(LAWS)),
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
        activation, weights, _ = LAWS[settings["law"]]
        N, depth = settings["hidden_size"], settings["depth"]
        # A random readout of each network's own: what it sends back has symmetric signs, else relu's law is not exact.
        model = Model("mlp", N, N, 1, num_layers=depth + 1, activation=activation, loss="inner_product")
        sigma_w = laws.sigma_w(settings["law"], settings["relative_gain"])
        networks = [scaled(network, sigma_w) for network in draws(model, Initialisation(weights), settings["seeds"])]
        rng = np.random.default_rng(0)
        batch = Batch(rng.standard_normal((1, N)), np.ones((1, 1)))
        flows = sweep(backend, model, networks, batch, device=device, dtype=settings["dtype"])
        logs = np.array([log_mean_square(flow.states)[::-1] for flow in flows])
        ratios = logs - logs[:, :1]
        yield [
            *(Measurement(LOG_RATIO, ratio, member=k) for k, ratio in enumerate(ratios[:, -1])),
            *(Measurement(LOG_RATIO_MEAN, mean, layer=k) for k, mean in enumerate(ratios.mean(axis=0))),
            *(Measurement(LOG_RATIO_SD, sd, layer=k) for k, sd in enumerate(ratios.std(axis=0, ddof=1))),
        ]

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield the laws' claims on every trial."""
        for backend, at, trial in trials(rows):
            ratios = values(trial, LOG_RATIO, "member")
            claims = {"linear": self.linear_claims, "relu": self.relu_claims, "orthogonal": self.orthogonal_claims}
            yield from claims[at["law"]](backend, at, ratios)

    def linear_claims(self, backend: str, at: "pd.Series[Any]", ratios: np.ndarray) -> Iterator[Claim]:
        """Yield the mean and variance of ln |dL/dh|^2 in deep linear networks."""
        N, depth, sigma_w = at["hidden_size"], at["depth"], laws.sigma_w(at["law"], at["relative_gain"])
        variance = linear.log_ratio_variance(N, depth)
        yield Claim(
            name=f"{self.name}/linear-mean",
            backend=backend,
            sentence="Deep linear: the mean of ln |dL/dh|^2 changes by L [ln(2 sigma_w^2 / N) + psi(N / 2)].",
            source=laws.CHI_SQUARED,
            expected=linear.log_ratio_mean(N, depth, sigma_w),
            measured=ratios.mean(),
            tolerance=laws.mean_tolerance(variance, len(ratios)),
        )
        yield Claim(
            name=f"{self.name}/linear-variance",
            backend=backend,
            sentence="Deep linear: the variance of ln |dL/dh|^2 grows by psi'(N / 2) per layer.",
            source=laws.CHI_SQUARED,
            expected=variance,
            measured=ratios.var(ddof=1),
            tolerance=laws.variance_tolerance(variance, len(ratios)),
        )

    def relu_claims(self, backend: str, at: "pd.Series[Any]", ratios: np.ndarray) -> Iterator[Claim]:
        """Yield the mean of |dL/dh|^2 and the variance of its logarithm in deep ReLU networks."""
        N, depth, sigma_w = at["hidden_size"], at["depth"], laws.sigma_w(at["law"], at["relative_gain"])
        variance = linear.relu_log_variance(N, depth)
        mean = (sigma_w**2 / 2.0) ** depth
        yield Claim(
            name=f"{self.name}/relu-mean",
            backend=backend,
            sentence="Deep ReLU: |dL/dh|^2 changes by sigma_w^2 / 2 per layer on average.",
            source=laws.HE,
            expected=mean,
            measured=np.exp(ratios).mean(),
            tolerance=laws.ratio_tolerance(mean, variance, len(ratios)),
        )
        yield Claim(
            name=f"{self.name}/relu-variance",
            backend=backend,
            sentence="Deep ReLU: the variance of ln |dL/dh|^2 is 5 L / N.",
            source=laws.FINITE_WIDTH,
            expected=variance,
            measured=ratios.var(ddof=1),
            tolerance=laws.variance_tolerance(variance, len(ratios), neglected=5.0 / N),  # the next order in 5 / N
        )

    def orthogonal_claims(self, backend: str, at: "pd.Series[Any]", ratios: np.ndarray) -> Iterator[Claim]:
        """Yield that deep orthogonal networks scale gradients exactly."""
        depth, sigma_w = at["depth"], laws.sigma_w(at["law"], at["relative_gain"])
        errors = np.expm1(ratios / 2.0 - depth * np.log(sigma_w))
        yield Claim(
            name=f"{self.name}/orthogonal",
            backend=backend,
            sentence="Deep orthogonal: |dL/dh| changes by exactly the gain in every layer.",
            source=laws.SAXE,
            expected=0.0,
            measured=errors[abs(errors).argmax()],
            tolerance=laws.rounding_tolerance(at["hidden_size"], depth, at["dtype"]),
        )

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield |dL/dh|^2 against the layers passed."""
        from gradsuite_experiments.exact_depth.figures import draw

        yield draw(rows, claims)
