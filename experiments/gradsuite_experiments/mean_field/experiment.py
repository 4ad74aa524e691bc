"""Deep random networks at initialisation against mean-field theory: where gradients vanish or explode with depth."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim, Resolution
from gradsuite.experiment import Experiment, Figure
from gradsuite.model import ACTIVATIONS, Model
from gradsuite.parameters import Initialisation
from gradsuite.rows import Measurement
from gradsuite.settings import (
    BATCH_SIZE,
    DTYPE,
    HIDDEN_SIZE,
    NUM_LAYERS,
    SEEDS,
    Grid,
    Presets,
    Setting,
    Settings,
    activation,
    cell,
    initialiser,
)
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import trials, values
from gradsuite_experiments.common.sweep import draws, log_mean_square, orthonormal, scaled, sweep
from gradsuite_experiments.mean_field import laws
from gradsuite_experiments.mean_field.laws import LN_RATIO_MEAN, LN_RATIO_SD, SCHEMES, SLOPE

if TYPE_CHECKING:
    import pandas as pd


class MeanFieldDepth(Experiment):
    """The slope of ln |dL/dh|^2 over the layers, at points of the phase plane and at common initialisations."""

    name = "mean-field"
    question = "Do gradients of deep random networks vanish and explode where mean-field theory says?"
    topic = Topic.THEORY
    timed = False
    settings = (
        cell("mlp", "residual"),
        initialiser("normal", *SCHEMES),
        activation(*ACTIVATIONS["mlp"]),
        Setting("sigma_w", float, "standard deviation of the weights, times sqrt(N)", minimum=0, above=True),
        Setting("sigma_b", float, "standard deviation of the biases", minimum=0),
        HIDDEN_SIZE,
        NUM_LAYERS,
        SEEDS,
        BATCH_SIZE,
        DTYPE,
    )
    presets: ClassVar[Presets] = {
        preset: {
            "cell": ["mlp", "residual"],
            "initialiser": ["normal", *SCHEMES],
            "activation": list(ACTIVATIONS["mlp"]),
            "sigma_w": sigma_w,
            "sigma_b": sigma_b,
            "hidden_size": [N],
            "num_layers": [layers],
            "seeds": [seeds],
            "batch_size": [16],
            "dtype": ["float32"],
        }
        for preset, sigma_w, sigma_b, N, layers, seeds in (
            ("quick", [1.0, 2.0], [0.0, 0.5], 128, 16, 4),
            ("standard", [0.5, 1.0, 2.0], [0.0, 0.5], 500, 30, 4),
            ("full", [0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0], [0.0, 0.05, 0.5], 500, 30, 8),
        )
    }

    def trials(self, grid: Grid) -> Iterator[dict[str, Any]]:
        """Yield the plane for tanh, one row of it for the others, and each initialisation once, where it lies.

        Residual layers have the row alone, for activations whose slope is even: what relu passes back depends on the
        states that it read, whose mean grows, and the gradient with it.
        """
        for settings in super().trials(grid):
            scheme, phi = settings["initialiser"], settings["activation"]
            first = settings["sigma_w"] == grid["sigma_w"][0] and settings["sigma_b"] == grid["sigma_b"][0]
            if settings["cell"] == "residual":
                if scheme == "normal" and phi in laws.EVEN and settings["sigma_b"] == grid["sigma_b"][-1]:
                    yield settings
            elif scheme == "normal" and (phi == "tanh" or settings["sigma_b"] == grid["sigma_b"][-1]):
                yield settings
            elif scheme in SCHEMES and first and phi in ("tanh", "relu"):
                sigma_w, sigma_b = SCHEMES[scheme]
                yield {**settings, "sigma_w": sigma_w, "sigma_b": sigma_b / math.sqrt(settings["hidden_size"])}

    def measure(self, backend: "Backend", device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure ln of the mean squared gradient by layer, starting at the fixed point where there is one."""
        N, layers, dtype = settings["hidden_size"], settings["num_layers"], settings["dtype"]
        sigma_w, sigma_b, scheme = settings["sigma_w"], settings["sigma_b"], settings["initialiser"]
        model = Model("mlp", N, N, num_layers=layers, readout="none", loss="inner_product")
        networks = draws(model, Initialisation(scheme, bias_std=1.0), settings["seeds"], dtype)
        scale = {"normal": (sigma_w, sigma_b), "default": (1.0, 1.0)}.get(scheme, (1.0, 0.0))
        model = replace(model, cell=settings["cell"], activation=settings["activation"])
        batch = directions(N, settings["batch_size"], laws.start(settings) - sigma_b**2, sigma_w)
        run: dict[str, Any] = {"device": device, "dtype": dtype}
        flows = sweep(backend, model, networks, batch, **run, change=lambda network: scaled(network, *scale))
        logs = np.array([log_mean_square(flow.states)[::-1] for flow in flows])
        ratios = logs - logs[:, :1]
        yield [
            *(Measurement(SLOPE, s, "1/layer", member=k) for k, s in enumerate(ratios[:, -1] / (layers - 1))),
            *(Measurement(LN_RATIO_MEAN, mean, layer=k) for k, mean in enumerate(ratios.mean(axis=0))),
            *(Measurement(LN_RATIO_SD, sd, layer=k) for k, sd in enumerate(ratios.std(axis=0))),
        ]

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield the slopes' claims, and what follows from them."""
        for backend, at, trial in trials(rows):
            measured = math.exp(values(trial, SLOPE, along="member").mean())
            yield self._slope(backend, at, measured)
            if at["cell"] == "residual":
                continue
            if at["initialiser"] == "normal" and at["activation"] == "sigmoid":
                bound, tolerance, resolution = laws.sigmoid_bound(at)
                yield Claim(
                    name=f"{self.name}/sigmoid-bound",
                    backend=backend,
                    sentence="sigmoid: |dL/dh|^2 changes by a factor of at most sigma_w^2 / 16 per layer.",
                    source=laws.SIGMOID,
                    expected=bound,
                    measured=measured,
                    tolerance=tolerance,
                    resolution=resolution,
                    relation="<=",
                )
            if (*at[["initialiser", "activation", "sigma_w", "sigma_b"]],) == ("normal", "tanh", 1.0, 0.0):
                yield self._factor(
                    backend,
                    at,
                    measured,
                    name=f"{self.name}/critical",
                    sentence="tanh at sigma_w = 1 without biases is critical, yet |dL/dh|^2 falls, like 1 / L.",
                    source=laws.CRITICAL,
                )

    def _slope(self, backend: str, at: "pd.Series[Any]", measured: float) -> Claim:
        """Return the claim of one trial's slope: of the plane, or of the initialisation."""
        scheme, phi = at["initialiser"], at["activation"]
        if at["cell"] == "residual":
            name, source = f"residual/{phi}", laws.RESIDUAL
            sentence = f"residual {phi} layers: |dL/dh|^2 grows by a factor of 1 + sigma_w^2 E phi'^2 per layer."
        elif scheme == "normal":
            name, source = f"plane/{phi}", laws.SCHOENHOLZ
            sentence = f"{phi}: |dL/dh|^2 changes by a factor of chi_1 per layer everywhere in the plane."
        else:
            name, source = f"initialiser/{scheme}/{phi}", laws.SCHEMES_AT[scheme]
            sentence = f"{scheme} initialisation, {phi}: |dL/dh|^2 changes by a factor of chi_1 per layer."
        return self._factor(backend, at, measured, name=f"{self.name}/{name}", sentence=sentence, source=source)

    def _factor(self, backend: str, at: "pd.Series[Any]", measured: float, **words: Any) -> Claim:
        """Return a claim of the factor per layer, in these words."""
        expected, tolerance = laws.factor(at)
        resolution = Resolution.linear(expected, tolerance, laws.SQUARED_FACTOR)
        return Claim(
            backend=backend, expected=expected, measured=measured, tolerance=tolerance, resolution=resolution, **words
        )

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield slopes against theory, the phase plane, and gradients by layer."""
        from gradsuite_experiments.mean_field import figures

        yield from figures.draw(rows, claims)


def directions(N: int, count: int, variance: float, sigma_w: float) -> Batch:
    """Return inputs that give the first layer this variance, and orthonormal gradients to send back."""
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((count, N))
    inputs *= math.sqrt(N * variance) / sigma_w / np.linalg.norm(inputs, axis=1, keepdims=True)
    return Batch(inputs, orthonormal(rng, count, N))
