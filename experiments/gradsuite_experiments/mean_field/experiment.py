"""Deep random networks at initialisation against mean-field theory: where gradients vanish or explode with depth."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure
from gradsuite.model import ACTIVATIONS, Model
from gradsuite.parameters import Initialisation
from gradsuite.rows import Measurement
from gradsuite.settings import BATCH_SIZE, DTYPE, HIDDEN_SIZE, NUM_LAYERS, Grid, Presets, Setting, Settings
from gradsuite.theory.mean_field import MeanField

from gradsuite_experiments.common.frames import trials, values
from gradsuite_experiments.common.sweep import draws, log_mean_square, orthonormal, scaled, sweep
from gradsuite_experiments.mean_field import figures as mean_field_figures

# Common initialisations as points of the phase plane: sigma_w, and sigma_b times sqrt(N).
SCHEMES = {
    "default": (math.sqrt(1.0 / 3.0), math.sqrt(1.0 / 3.0)),
    "xavier": (1.0, 0.0),
    "he": (math.sqrt(2.0), 0.0),
    "orthogonal": (1.0, 0.0),
}
SCHOENHOLZ = "Schoenholz et al. 2017, arXiv:1611.01232"
SCHEME_SOURCES = {
    "default": "torch.nn.Linear's U(+-1/sqrt(n)), the 'standard heuristic' of Glorot & Bengio 2010",
    "xavier": "Glorot & Bengio 2010, the normalised initialisation",
    "he": "He et al. 2015, arXiv:1502.01852",
    "orthogonal": "Saxe et al. 2013, arXiv:1312.6120",
}


class MeanFieldDepth(Experiment):
    """The slope of ln |dL/dh|^2 over the layers, at points of the phase plane and at common initialisations."""

    name = "mean-field"
    question = "Do gradients of deep random networks vanish and explode where mean-field theory says?"
    settings = (
        Setting("weights", str, "initialisation", choices=("normal", *SCHEMES)),
        Setting("activation", str, "activation", choices=ACTIVATIONS["mlp"]),
        Setting("sigma_w", float, "sqrt(N Var W)", minimum=0, above=True),
        Setting("sigma_b", float, "standard deviation of the biases", minimum=0),
        HIDDEN_SIZE,
        NUM_LAYERS,
        Setting("seeds", int, "networks drawn", minimum=1),
        BATCH_SIZE,
        DTYPE,
    )
    presets: ClassVar[Presets] = {
        preset: {
            "weights": ["normal", *SCHEMES],
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
            ("standard", [0.5, 1.0, 2.0], [0.0, 0.5], 500, 30, 8),
            ("full", [0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0], [0.0, 0.05, 0.5], 500, 30, 8),
        )
    }

    def trials(self, grid: Grid) -> Iterator[dict[str, Any]]:
        """Yield the plane for tanh, one row of it for the others, and each initialisation once, where it lies."""
        for settings in super().trials(grid):
            weights, activation = str(settings["weights"]), settings["activation"]
            first = settings["sigma_w"] == grid["sigma_w"][0] and settings["sigma_b"] == grid["sigma_b"][0]
            if weights == "normal" and (activation == "tanh" or settings["sigma_b"] == grid["sigma_b"][-1]):
                yield settings
            elif weights in SCHEMES and first and activation in ("tanh", "relu"):
                sigma_w, sigma_b = SCHEMES[weights]
                yield {**settings, "sigma_w": sigma_w, "sigma_b": sigma_b / math.sqrt(float(settings["hidden_size"]))}

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure ln of the mean squared gradient by layer, starting at the fixed point where there is one."""
        N, layers = int(settings["hidden_size"]), int(settings["num_layers"])
        sigma_w, sigma_b = float(settings["sigma_w"]), float(settings["sigma_b"])
        model = Model("mlp", N, N, num_layers=layers, readout="none", loss="inner_product")
        weights = str(settings["weights"])
        networks = draws(model, Initialisation(weights, bias_std=1.0), int(settings["seeds"]), str(settings["dtype"]))
        scale = {"normal": (sigma_w, sigma_b), "default": (1.0, 1.0)}.get(weights, (1.0, 0.0))
        model = replace(model, activation=str(settings["activation"]))
        batch = directions(N, int(settings["batch_size"]), start(settings) - sigma_b**2, sigma_w)
        run: dict[str, Any] = {"device": device, "dtype": str(settings["dtype"])}
        flows = sweep(backend, model, networks, batch, **run, change=lambda network: scaled(network, *scale))
        logs = np.array([log_mean_square(flow.states)[::-1] for flow in flows])
        ratios = logs - logs[:, :1]
        yield [
            *(Measurement("slope", s, "per layer", index=k) for k, s in enumerate(ratios[:, -1] / (layers - 1))),
            *(Measurement("ln_ratio_mean", mean, layer=k) for k, mean in enumerate(ratios.mean(axis=0))),
            *(Measurement("ln_ratio_sd", sd, layer=k) for k, sd in enumerate(ratios.std(axis=0))),
        ]

    def claims(self, rows: pd.DataFrame) -> Iterator[Claim]:
        """Yield the slopes' claims, and what follows from them."""
        for backend, at, cell in trials(rows):
            slopes = values(cell, "slope")
            expected, allowed = theory(at), tolerance(at)
            if at["weights"] != "normal":
                sentence = f"{at['weights']} initialisation, {at['activation']}: |dL/dh|^2 changes by chi_1 a layer."
                source = f"{SCHEME_SOURCES[at['weights']]}; {SCHOENHOLZ}"
                yield Claim(self.name, backend, sentence, source, expected, slopes.mean(), allowed)
                continue
            sentence = f"{at['activation']}: ln |dL/dh|^2 changes by ln chi_1 a layer all over the plane."
            yield Claim(self.name, backend, sentence, SCHOENHOLZ, expected, slopes.mean(), allowed)
            if at["activation"] == "sigmoid":
                sentence = "sigmoid: |dL/dh|^2 shrinks to at most sigma_w^2 / 16 in every layer."
                bound = math.log(at["sigma_w"] ** 2 / 16.0)
                yield Claim(self.name, backend, sentence, "sigma' <= 1 / 4", bound, slopes.mean(), allowed, "<=")
            if at["activation"] == "tanh" and at["sigma_w"] == 1.0 and at["sigma_b"] == 0.0:
                steps = at["num_layers"] - 1
                sentence = "tanh at sigma_w = 1 without biases: critical, yet |dL/dh|^2 falls like 1 / L."
                total = slopes.mean() * steps
                yield Claim(self.name, backend, sentence, SCHOENHOLZ, expected * steps, total, allowed * steps)

    def figures(self, rows: pd.DataFrame, claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield slopes against theory, the phase plane, and gradients by layer."""
        claims = claims
        yield mean_field_figures.slopes(rows, claims, theory, tolerance)
        yield mean_field_figures.plane(rows, claims)
        yield mean_field_figures.layers(rows, field)


def field(at: "pd.Series[Any] | Settings") -> MeanField:
    """Return the mean field of a cell."""
    return MeanField(str(at["activation"]), float(at["sigma_w"]), float(at["sigma_b"]))


def start(at: "pd.Series[Any] | Settings") -> float:
    """Return the variance that the first layer is given: q* where it is finite and above zero, else that of x = 1."""
    q = field(at).fixed_point()
    return q if 0.0 < q < math.inf else float(at["sigma_w"]) ** 2 + float(at["sigma_b"]) ** 2


def theory(at: "pd.Series[Any]") -> float:
    """Return the mean slope over the layers: ln chi_1, or the product of chi(q_l) where q still moves."""
    second = field(at).next_variance(start(at))
    return math.log(field(at).gradient_product(second, at["num_layers"] - 1)) / (at["num_layers"] - 1)


def tolerance(at: "pd.Series[Any]") -> float:
    """Return 0.01 for 8 networks of width 500.

    One direction's slope has a standard deviation of sqrt(v / (L - 1)), v = (3 E phi'^4 / (E phi'^2)^2 - 1) / N: 0.012
    to 0.020 there, 0.004 to 0.007 for the mean of 8. A batch of 16 directions halves that, so 0.01 is three to five
    standard errors; they shrink as 1 / sqrt(N seeds), and for short networks grow as 1 / sqrt(L - 1).
    """
    return 0.01 * math.sqrt(500 / at["hidden_size"] * 8 / at["seeds"] * max(29 / (at["num_layers"] - 1), 1.0))


def directions(N: int, count: int, variance: float, sigma_w: float) -> Batch:
    """Return inputs that give the first layer this variance, and orthonormal gradients to send back."""
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((count, N))
    inputs *= math.sqrt(N * variance) / sigma_w / np.linalg.norm(inputs, axis=1, keepdims=True)
    return Batch(inputs, orthonormal(rng, count, N))
