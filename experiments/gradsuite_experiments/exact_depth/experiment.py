"""Laws of depth that hold exactly at any width: deep linear, ReLU and orthogonal networks at initialisation."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure
from gradsuite.model import Model
from gradsuite.parameters import Initialisation
from gradsuite.precision import UNIT_ROUNDOFF
from gradsuite.report import style
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, HIDDEN_SIZE, Presets, Setting, Settings
from gradsuite.theory import linear

from gradsuite_experiments.common.frames import by_backend, levels, places, tally, trials, values, where
from gradsuite_experiments.common.sweep import draws, log_mean_square, scaled, sweep

# Each law's activation, initialiser, and the sigma_w at which the mean squared gradient neither grows nor shrinks.
LAWS = {
    "linear": ("identity", "normal", 1.0),
    "relu": ("relu", "normal", math.sqrt(2.0)),
    "orthogonal": ("identity", "orthogonal", 1.0),
}
SAXE = "Saxe, McClelland & Ganguli 2013, arXiv:1312.6120"
HANIN = "He et al. 2015, arXiv:1502.01852, sec. 2.2; exact at any width: Hanin 2018, arXiv:1801.03744"
CHI_SQUARED = "exact: a sum of logarithms of independent chi-squared variables"


class ExactDepth(Experiment):
    """Squared gradient norms so many layers below the top over those at the top, for many networks."""

    name = "exact-depth"
    question = "Do gradients of deep linear, ReLU and orthogonal networks obey their exact laws?"
    settings = (
        Setting("law", str, "which kind of network", choices=tuple(LAWS)),
        Setting("gain", float, "sigma_w over its critical value", minimum=0, above=True),
        HIDDEN_SIZE,
        Setting("depth", int, "layers that the gradient passes", minimum=1),
        Setting("samples", int, "networks drawn", minimum=2),
        DTYPE,
    )
    presets: ClassVar[Presets] = {
        preset: {
            "law": list(LAWS),
            "gain": gains,
            "hidden_size": [64],
            "depth": [20],
            "samples": [samples],
            "dtype": ["float64"],
        }
        for preset, gains, samples in (
            ("quick", [0.9, 1.1], 40),
            ("standard", [0.9, 1.0, 1.1], 200),
            ("full", [0.9, 1.0, 1.1], 2000),
        )
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure ln |dL/dh|^2 over that at the top, for every network and depth."""
        activation, weights, critical = LAWS[str(settings["law"])]
        N, depth = int(settings["hidden_size"]), int(settings["depth"])
        # A random readout of each network's own: what it sends back has symmetric signs, else relu's law is not exact.
        model = Model("mlp", N, N, 1, num_layers=depth + 1, activation=activation, loss="inner_product")
        drawn = draws(model, Initialisation(weights), int(settings["samples"]))
        networks = [scaled(network, float(settings["gain"]) * critical) for network in drawn]
        rng = np.random.default_rng(0)
        batch = Batch(rng.standard_normal((1, N)), np.ones((1, 1)))
        flows = sweep(backend, model, networks, batch, device=device, dtype=str(settings["dtype"]))
        logs = np.array([log_mean_square(flow.states)[::-1] for flow in flows])
        ratios = logs - logs[:, :1]
        yield [
            *(Measurement("ln_ratio", ratio, index=k) for k, ratio in enumerate(ratios[:, -1])),
            *(Measurement("ln_ratio_mean", mean, layer=k) for k, mean in enumerate(ratios.mean(axis=0))),
            *(Measurement("ln_ratio_sd", sd, layer=k) for k, sd in enumerate(ratios.std(axis=0, ddof=1))),
        ]

    def claims(self, rows: pd.DataFrame) -> Iterator[Claim]:
        """Yield the laws' claims on every cell."""
        for backend, at, cell in trials(rows):
            N, depth, sigma = at["hidden_size"], at["depth"], at["gain"] * LAWS[at["law"]][2]
            ratios = values(cell, "ln_ratio")
            n = len(ratios)
            if at["law"] == "linear":
                mean, variance = linear.log_ratio_mean(N, depth, sigma), linear.log_ratio_variance(N, depth)
                # Four standard errors: of a mean, sqrt(variance / n); of a variance, sqrt(2 / (n - 1)) of itself.
                allowed = 4.0 * math.sqrt(variance / n)
                sentence = "Deep linear: the mean of ln |dL/dh|^2 changes by L [ln(2 sigma_w^2 / N) + psi(N / 2)]."
                yield Claim(self.name, backend, sentence, CHI_SQUARED, mean, ratios.mean(), allowed)
                sentence = "Deep linear: the variance of ln |dL/dh|^2 grows by psi'(N / 2) a layer."
                allowed = 4.0 * math.sqrt(2.0 / (n - 1)) * variance
                yield Claim(self.name, backend, sentence, CHI_SQUARED, variance, ratios.var(ddof=1), allowed)
            elif at["law"] == "relu":
                variance = linear.relu_log_variance(N, depth)
                # ln ratio is nearly normal: the ratio's relative variance is e^variance - 1; four standard errors.
                expected = (sigma**2 / 2.0) ** depth
                allowed = 4.0 * math.sqrt(math.expm1(variance) / n) * expected
                sentence = "Deep ReLU: |dL/dh|^2 changes by sigma_w^2 / 2 a layer on average."
                yield Claim(self.name, backend, sentence, HANIN, expected, np.exp(ratios).mean(), allowed)
                # Four standard errors, and the next order in 5 / N that the law leaves out.
                allowed = (4.0 * math.sqrt(2.0 / (n - 1)) + 5.0 / N) * variance
                sentence = "Deep ReLU: the variance of ln |dL/dh|^2 is 5 L / N."
                source = "mean field at finite width: (3 E phi'^4 / (E phi'^2)^2 - 1) / N a layer"
                yield Claim(self.name, backend, sentence, source, variance, ratios.var(ddof=1), allowed)
            else:
                sentence = "Deep orthogonal: |dL/dh| changes by exactly the gain in every layer."
                error = np.expm1(ratios / 2.0 - depth * math.log(sigma))
                # Each layer rounds a sum of N products: sqrt(N) eps of its norm, L layers deep.
                allowed = depth * math.sqrt(N) * 2.0 * UNIT_ROUNDOFF[at["dtype"]]
                yield Claim(self.name, backend, sentence, SAXE, 0.0, error[abs(error).argmax()], allowed)

    def figures(self, rows: pd.DataFrame, claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield |dL/dh|^2 against the layers passed, one panel a law."""
        laws = [law for law in LAWS if law in set(rows["law"])]
        drawn, axes = style.figure(1, len(laws), height=4.2)
        for ax, law in zip(axes[0], laws, strict=True):
            draw_law(ax, law, where(rows, law=law))
        axes[0, 0].set_ylabel("|dL/dh|² over that at the top")
        style.backend_legend(drawn, [b for b, _ in by_backend(rows)], extra=[style.line_key("exact law, band of 2 sd")])
        style.title(drawn, tally(claims, "Gradients of deep networks obey the exact laws", "A law is broken"))
        yield Figure(
            "exact-depth",
            "Squared norm of the gradient by the layers it has passed, below, at and above the critical gain: typical "
            "value over many networks with bars of 2 standard deviations; lines and bands are the exact laws.",
            drawn,
        )


def draw_law(ax: Any, law: str, rows: pd.DataFrame) -> None:
    """Draw one law's lines and bands, and each backend's points at layers of its own, so that none hides another."""
    backends = [backend for backend, _ in by_backend(rows)]
    for gain, N, depth in rows[["gain", "hidden_size", "depth"]].drop_duplicates().itertuples(index=False):
        layers = np.arange(depth + 1)
        mean, sd = expected(law, N, gain * LAWS[law][2], layers)
        style.theory(ax, layers, np.exp(mean))
        style.band(ax, layers, np.exp(mean - 2 * sd), np.exp(mean + 2 * sd))
    for backend, _, cell in trials(rows):
        own = slice(1 + backends.index(backend), None, len(backends) + 1)
        mean, sd = (values(cell, name, "layer")[own] for name in ("ln_ratio_mean", "ln_ratio_sd"))
        layers = places(cell, "ln_ratio_mean", "layer")[own]
        style.measured(ax, layers, np.exp(mean), backend, low=np.exp(mean - 2 * sd), high=np.exp(mean + 2 * sd))
    style.log_axis(ax, "y", "")
    style.regions(ax, (0.5, 2.0))
    ax.set_xlabel("layers below the top")
    ends = [(np.exp(expected(law, N, gain * LAWS[law][2], depth)[0]), gain) for gain in levels(rows, "gain")]
    style.label_ends(ax, [(end, f"gain {gain:g}") for end, gain in ends])
    ax.set_title(f"deep {law}")


def expected(law: str, N: int, sigma_w: float, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and standard deviation of ln |dL/dh|^2 by depth."""
    if law == "linear":
        return depth * linear.log_ratio_mean(N, 1, sigma_w), np.sqrt(depth * linear.log_ratio_variance(N, 1))
    if law == "relu":
        variance = linear.relu_log_variance(N, 1)
        return depth * (math.log(sigma_w**2 / 2.0) - variance / 2.0), np.sqrt(depth * variance)
    return depth * math.log(sigma_w**2), 0.0 * depth
