"""Horizon and norm of the gradient over a training, beside its loss: which comes first, learning or reach?"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from gradsuite.backend import Backend
from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure, Table
from gradsuite.optimizers import Adam
from gradsuite.precision import PRECISE
from gradsuite.rows import Measurement
from gradsuite.settings import BATCH_SIZE, DTYPE, HIDDEN_SIZE, LENGTH, SEED, Presets, Settings
from gradsuite.topic import Topic
from gradsuite.training.recipe import Recipe

from gradsuite_experiments.common.learning import LOSS, NORM, SCORE, UPDATES, learn
from gradsuite_experiments.learning.experiment import NETWORK
from gradsuite_experiments.learning.networks import LEARNERS

if TYPE_CHECKING:
    import pandas as pd

LEARNING_RATE = 0.005
CLIP_NORM = 1.0
LOOKS = 60  # at a training
HORIZON = "horizon"  # steps back at which 1/1000 of the gradient is left, by update


class GradientDuringTraining(Experiment):
    """The temporal order problem: loss, accuracy, gradient norm and horizon, look after look."""

    name = "gradient-during-training"
    question = "How far back does the gradient reach while a network learns a long dependency?"
    topic = Topic.LEARNING
    timed = False
    apart = ("quick",)
    settings = (
        NETWORK,
        replace(LENGTH, minimum=10),
        HIDDEN_SIZE,
        BATCH_SIZE,
        UPDATES,
        SEED,
        replace(DTYPE, choices=PRECISE),
    )
    presets: ClassVar[Presets] = {
        preset: {
            "network": networks,
            "length": [length],
            "hidden_size": [32],
            "batch_size": [32],
            "updates": [updates],
            "seed": seeds,
            "dtype": ["float32"],
        }
        for preset, networks, length, updates, seeds in (
            ("quick", ["gru"], 20, 60, [0]),
            ("standard", ["rnn", "gru"], 50, 500, [0]),
            ("full", list(LEARNERS), 50, 2000, [0, 1, 2]),
        )
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Train one network on all its updates, solved or not, and note every look."""
        task, updates = self.task("temporal-order"), settings["updates"]
        model, parameters = LEARNERS[settings["network"]].draw(task, settings["hidden_size"], settings["seed"])
        recipe = Recipe(
            optimizer=Adam(lr=LEARNING_RATE, clip_norm=CLIP_NORM),
            batch_size=settings["batch_size"],
            length=settings["length"],
            steps=updates,
            evaluate_every=max(1, updates // LOOKS),
            seed=settings["seed"],
        )
        curve = learn(backend, task, model, parameters, recipe, device=device, dtype=settings["dtype"]).curve
        seen = ((LOSS, "loss", ""), (NORM, "gradient_norm", ""), (HORIZON, "horizon", "steps"), (SCORE, "score", ""))
        yield [
            Measurement(metric, getattr(look, name), unit, index=look.step)
            for look in curve.looks
            for metric, name, unit in seen
        ]

    def findings(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[str]:
        """Yield how far gradients reach before and after learning, and which comes first."""
        from gradsuite_experiments.gradient_during_training.findings import sentences

        yield from sentences(rows)

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield loss, horizon and gradient norm against the update."""
        from gradsuite_experiments.gradient_during_training.figures import draw

        yield draw(rows)

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield when each network starts to learn, and when its horizon opens."""
        from gradsuite_experiments.gradient_during_training.findings import openings

        yield from openings(rows)
