"""A wide tanh RNN driven by noise, with or without layer normalisation: rate per step and Lyapunov exponents."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim, Resolution
from gradsuite.experiment import Experiment, Figure
from gradsuite.model import Model
from gradsuite.parameters import Initialisation
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, GAIN, HIDDEN_SIZE, LAGS, NOISE, SEEDS, Grid, Presets, Settings, cell
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import trials, values
from gradsuite_experiments.common.names import number
from gradsuite_experiments.common.networks import BURN_IN, driven
from gradsuite_experiments.common.sweep import draws, log_mean_square, orthonormal, sweep
from gradsuite_experiments.driven_rnn import laws
from gradsuite_experiments.driven_rnn.laws import (
    DIRECTIONS,
    EXPONENT,
    LEADING,
    LN_RATIO_MEAN,
    LN_RATIO_SD,
    LYAPUNOV,
    RATE,
    TRAJECTORIES,
)

if TYPE_CHECKING:
    import pandas as pd


class DrivenRnn(Experiment):
    """ln |dL/dh_t|^2 against the lag, and the leading Lyapunov exponents by QR of the same state gradients."""

    name = "driven-rnn"
    question = "Do gradients through time grow by ln chi_1 per step, and Lyapunov exponents by half of it?"
    topic = Topic.THEORY
    timed = False
    settings = (cell("rnn", "ln-rnn"), GAIN, NOISE, HIDDEN_SIZE, replace(LAGS, minimum=2), SEEDS, DTYPE)
    presets: ClassVar[Presets] = {
        preset: {
            "cell": ["rnn", "ln-rnn"],
            "gain": gains,
            "noise": [0.25],
            "hidden_size": [N],
            "lags": [25],
            "seeds": [seeds],
            "dtype": ["float64"],
        }
        for preset, gains, N, seeds in (
            ("quick", [0.5, 1.5, 2.0], 128, 8),
            ("standard", [0.5, 1.0, 1.25, 1.5, 2.0], 512, 4),
            ("full", [0.5, 1.0, 1.25, 1.5, 2.0, 2.5], 512, 16),
        )
    }

    def trials(self, grid: Grid) -> Iterator[dict[str, Any]]:
        """Leave out normalisation without noise: what starts at zero stays there, and has no deviation to divide by."""
        return (settings for settings in super().trials(grid) if settings["cell"] == "rnn" or settings["noise"])

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure ln of the mean squared state gradient by lag, its slope, and the Lyapunov exponents."""
        N, lags = settings["hidden_size"], settings["lags"]
        model = Model(settings["cell"], N, N, readout="none", loss="inner_product")
        drawn = draws(model, Initialisation("normal"), settings["seeds"])
        networks = [driven(network, settings["gain"], settings["noise"]) for network in drawn]
        rng = np.random.default_rng(0)
        noise = rng.standard_normal((BURN_IN + lags + 1, DIRECTIONS, N))
        alike = np.repeat(noise[:, :TRAJECTORIES], LEADING, axis=1)  # the exponents of each are of one trajectory
        targets = orthonormal(rng, DIRECTIONS + TRAJECTORIES * LEADING, N)
        batch = Batch(np.concatenate([noise, alike], axis=1), targets)
        flows = sweep(backend, model, networks, batch, device=device, dtype=settings["dtype"])
        gradients = [flow.states[::-1][: lags + 1, 0] for flow in flows]
        logs = np.array([log_mean_square(g[:, :DIRECTIONS]) for g in gradients])
        trajectories = [np.split(g[:, DIRECTIONS:], TRAJECTORIES, axis=1) for g in gradients]
        exponents = np.array([np.mean([*map(laws.exponents, of_network)], axis=0) for of_network in trajectories])
        ratios = logs - logs[:, :1]
        yield [
            *(Measurement(RATE, rate, "1/step", member=k) for k, rate in enumerate(ratios[:, -1] / lags)),
            *(Measurement(LN_RATIO_MEAN, mean, index=lag) for lag, mean in enumerate(ratios.mean(axis=0))),
            *(Measurement(LN_RATIO_SD, sd, index=lag) for lag, sd in enumerate(ratios.std(axis=0))),
            *(Measurement(LYAPUNOV, largest, "1/step", member=k) for k, largest in enumerate(exponents[:, 0])),
            *(Measurement(EXPONENT, mean, "1/step", index=k) for k, mean in enumerate(exponents.mean(axis=0))),
        ]

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield the rate and the largest exponent at every gain."""
        for backend, at, trial in trials(rows):
            gain, normalised = at["gain"], at["cell"] == "ln-rnn"
            for name, sentence, source, metric, law, quantity in (
                ("rate", laws.RATE_SENTENCE, laws.RATE_SOURCE, RATE, laws.rate, laws.SQUARED_FACTOR),
                ("lyapunov", laws.HALF_SENTENCE, laws.HALF, LYAPUNOV, laws.exponent, laws.FACTOR),
            ):
                expected, tolerance = law(at)
                yield Claim(
                    name=f"{self.name}/{name}/{'ln-rnn/' * normalised}{number(gain)}",
                    backend=backend,
                    sentence=sentence.format(rnn=laws.NAMES[at["cell"]], gain=gain),
                    source=laws.NORMALISED if normalised else source,
                    expected=expected,
                    measured=math.exp(values(trial, metric, along="member").mean()),
                    tolerance=tolerance,
                    resolution=Resolution.linear(expected, tolerance, quantity),
                )

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield gradients against the lag, and rates and exponents against the gain."""
        from gradsuite_experiments.driven_rnn.figures import draw

        yield draw(rows, claims)
