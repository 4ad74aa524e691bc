"""Remedies against vanishing gradients side by side: how far back each one's gradient reaches, and what a step costs.

What is not recurrent is a remedy in depth: a network with a layer for each step, and layers for lags.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from gradsuite.backend import Backend, DeviceBatch, Network
from gradsuite.claims import Claim
from gradsuite.compared import Compared, Quantity, Samples
from gradsuite.experiment import Answer, Experiment, Figure, Table
from gradsuite.optimizers import Adam
from gradsuite.precision import PRECISE
from gradsuite.rows import Measurement
from gradsuite.settings import (
    BATCH_SIZE,
    DTYPE,
    HIDDEN_SIZE,
    LENGTH,
    ROUNDS,
    SEEDS,
    Presets,
    Setting,
    Settings,
)
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import by_backend, trials, value, values
from gradsuite_experiments.remedies import laws, resolution
from gradsuite_experiments.remedies.comparisons import Reached, chrono_claim, comparisons, horizon_claims
from gradsuite_experiments.remedies.cost import Step, paired_seconds
from gradsuite_experiments.remedies.laws import reach
from gradsuite_experiments.remedies.networks import (
    PLAIN,
    REMEDIES,
    build,
    by_lag,
    draw,
    kept_by_biases,
    kept_by_eigenvalues,
    mean_square,
)

if TYPE_CHECKING:
    import pandas as pd

LEARNING_RATE = 0.005
SLOW = ("residual",)  # a hundred layers take JAX half a minute to compile: only the preset full has them


class Remedies(Experiment):
    """The gradient's horizon on one task before and after training, and seconds per step, for each remedy."""

    name = "remedies"
    question = "How far back does each remedy against vanishing gradients reach, and what does a training step cost?"
    topic = Topic.REMEDIES
    settings = (
        Setting("remedy", str, "remedy against vanishing gradients", choices=tuple(REMEDIES)),
        replace(HIDDEN_SIZE, minimum=16),  # the laws are those of wide networks
        replace(LENGTH, minimum=20),
        BATCH_SIZE,
        SEEDS,
        Setting(
            "training_steps",
            int,
            "training steps of the first network; 0: neither trained nor timed",
            minimum=0,
            size=True,
        ),
        ROUNDS,
        replace(DTYPE, choices=PRECISE),
    )
    compared: ClassVar[tuple[Compared, ...]] = (Samples(laws.SECONDS), Quantity(laws.HORIZON))
    presets: ClassVar[Presets] = {
        preset: {
            "remedy": [name for name in REMEDIES if preset == "full" or name not in SLOW],
            "hidden_size": [N],
            "length": [T],
            "batch_size": [16],
            "seeds": [seeds],
            "training_steps": [steps],
            "rounds": [rounds],
            "dtype": ["float32"],
        }
        for preset, N, T, seeds, steps, rounds in (
            ("quick", 48, 100, 8, 0, 1),
            ("standard", 48, 100, 32, 25, 9),
            ("full", 128, 200, 32, 500, 15),
        )
    }

    def times(self, settings: Settings) -> bool:
        """Whether a trial trains: the cost of a step is all that is timed."""
        return bool(settings["training_steps"])

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure gradients by lag at initialisation, those of the first network once trained, and its steps' time."""
        task = self.task("temporal-order")
        networks = [build(backend, task, device, settings, seed) for seed in range(settings["seeds"])]
        gradients = [by_lag(*network) for network in networks]  # (T, B, H) each
        squares = np.array([mean_square(g) for g in gradients])
        rows = [Measurement(laws.GRADIENT, g, index=lag) for lag, g in enumerate(np.sqrt(squares.mean(axis=0)))]
        rows += [
            Measurement(laws.HORIZON, reach(np.sqrt(square)), "steps", member=k) for k, square in enumerate(squares)
        ]
        if settings["remedy"] == "identity":
            # What is neither zero nor what it is at T, over that at T.
            error = max(float(abs(g * (g - g[0])).max() / np.square(g[0]).max()) for g in gradients)
            rows.append(Measurement(laws.ERROR, error))
        if settings["remedy"] in KEEPERS:
            drawn = [draw(task, settings, seed)[1] for seed in range(settings["seeds"])]
            keeps = KEEPERS[settings["remedy"]]
            kept = [keeps(parameters, g) for parameters, g in zip(drawn, gradients, strict=True)]
            rows.append(Measurement(laws.KEPT, float(np.mean(kept))))
        if settings["training_steps"]:
            plain = build(backend, task, device, {**settings, "remedy": PLAIN}, 0)
            rows += train(networks[0], plain, settings)
        yield rows

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield each remedy's horizon at initialisation, by its law where it has one; nothing about training."""
        for backend, rows_of_backend in by_backend(rows):
            claim = partial(Claim, backend=backend)
            reached: dict[str, Reached] = {}
            for _, settings, trial in trials(rows_of_backend):
                remedy = settings["remedy"]
                curve = values(trial, laws.GRADIENT)
                horizon = float(values(trial, laws.HORIZON, along="member").mean())
                reached[remedy] = Reached(horizon, curve, settings)
                yield from horizon_claims(claim, settings, horizon)
                if remedy == "identity":
                    error = value(trial, laws.ERROR)
                    yield claim(
                        name="remedies/constant/identity",
                        sentence=laws.IDENTITY,
                        source=laws.LE,
                        expected=0.0,
                        measured=error,
                        tolerance=0.0,
                        resolution=resolution.bits(settings),
                    )
                if remedy == "lru":
                    kept = value(trial, laws.KEPT)
                    yield claim(
                        name="remedies/kept/lru",
                        sentence=laws.LRU_KEPT,
                        source=laws.EIGENVALUES,
                        expected=kept,
                        measured=curve[-1] ** 2,
                        tolerance=kept * laws.eigenvalue_tolerance(settings),
                        resolution=resolution.eigenvalues(settings),
                    )
                if remedy == "residual":
                    expected, tolerance = laws.grown(settings)
                    yield claim(
                        name="remedies/grown/residual",
                        sentence=laws.GROWN,
                        source=laws.RESIDUAL,
                        expected=expected,
                        measured=float(curve[-1] ** (2.0 / (settings["length"] - 1))),
                        tolerance=tolerance,
                        resolution=resolution.grown(settings),
                    )
                if remedy == "chrono":
                    yield chrono_claim(claim, settings, value(trial, laws.KEPT), curve)
            yield from comparisons(claim, reached)

    def answers(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Answer]:
        """Yield how far back each remedy reaches."""
        from gradsuite_experiments.remedies.answers import answers

        yield from answers(rows)

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield horizons beside costs, and gradients against the lag."""
        from gradsuite_experiments.remedies.figures import curves_figure, horizons_figure

        yield horizons_figure(rows, claims)
        yield curves_figure(rows, claims)

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield horizon and loss before and after training."""
        from gradsuite_experiments.remedies.findings import training_table

        yield from training_table(rows)


KEEPERS: Mapping[str, Callable[..., float]] = {"chrono": kept_by_biases, "lru": kept_by_eigenvalues}


def train(
    own: tuple[Network, DeviceBatch], plain: tuple[Network, DeviceBatch], settings: Settings
) -> list[Measurement]:
    """Train the first network on its batch; return its horizon and loss, the loss before, and seconds of more steps."""
    network, batch = own
    step = Step(network, batch, Adam(lr=LEARNING_RATE, clip_norm=REMEDIES[settings["remedy"]].clip_norm))
    losses = [network.step(batch, step.optimizer) for _ in range(settings["training_steps"])]
    trained = reach(np.sqrt(mean_square(by_lag(network, batch))))
    after = network.fetch(network.forward(batch, states=True).loss)
    return [
        Measurement(laws.HORIZON_TRAINED, trained, "steps", member=0),
        Measurement(laws.LOSS, float(network.fetch(losses[0])), member=0),
        Measurement(laws.LOSS_TRAINED, float(after), member=0),
        *paired_seconds(step, Step(*plain, Adam(lr=LEARNING_RATE)), settings["rounds"]),
    ]
