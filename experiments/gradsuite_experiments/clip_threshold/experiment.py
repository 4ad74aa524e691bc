"""The temporal order problem by clipped SGD: what the threshold does to success and speed.

The unit of the threshold is what the paper advises to look at: the mean norm of the gradient over a whole training,
here that of networks clipped at 1, the paper's own threshold.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gradsuite.backend import Backend
from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure, Table
from gradsuite.precision import PRECISE
from gradsuite.rows import Measurement
from gradsuite.settings import (
    BATCH_SIZE,
    DTYPE,
    HIDDEN_SIZE,
    LENGTH,
    SEEDS,
    Presets,
    Setting,
    Settings,
    initialiser,
)
from gradsuite.topic import Topic
from gradsuite.training.curve import Curve

from gradsuite_experiments.clip_threshold import laws
from gradsuite_experiments.common.frames import by_backend
from gradsuite_experiments.common.learning import UPDATES, among, families, fewer, learn, of_curve
from gradsuite_experiments.pascanu.networks import METHODS, STARTS, Method, draw, recipe

if TYPE_CHECKING:
    import pandas as pd

PILOT = METHODS["clip"]
LEARNING_RATE = 0.01  # the paper's
NORM_EVERY = 20  # updates of a training from which the mean norm is taken


class ClipThreshold(Experiment):
    """Networks that solve the temporal order problem, and after how many updates, by the clipping threshold."""

    name = "clip-threshold"
    question = "How far may the clipping threshold be from the gradient's mean norm, and what does it cost?"
    topic = Topic.REMEDIES
    timed = False
    apart = ("quick",)
    settings = (
        Setting("threshold", float, "clipping threshold over the mean norm of the gradient", minimum=0, above=True),
        initialiser(*STARTS),
        replace(LENGTH, minimum=10),
        HIDDEN_SIZE,
        BATCH_SIZE,
        UPDATES,
        SEEDS,
        replace(DTYPE, choices=PRECISE),
    )
    presets: ClassVar[Presets] = {
        preset: {
            "threshold": thresholds,
            "initialiser": ["basic"],
            "length": [length],
            "hidden_size": [50],
            "batch_size": [20],
            "updates": [updates],
            "seeds": [seeds],
            "dtype": ["float32"],
        }
        for preset, thresholds, length, updates, seeds in (
            ("quick", [1.0], 10, 1000, 1),
            ("standard", [0.5, 10.0], 20, 10000, 1),
            ("full", [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 100.0], 20, 10000, 5),
        )
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Train the pilots that the threshold's unit is taken from, and then the networks that are clipped at it."""
        shared = tuple((name, value) for name, value in settings.items() if name != "threshold")
        unit = self.mean_norm(backend, device, shared)
        method = Method("", settings["threshold"] * unit)
        rows = [Measurement(laws.MEAN_NORM, unit)]
        for seed in among(settings):
            rows += of_curve(self.train(backend, device, settings, method, seed), seed)
        yield rows

    @lru_cache(maxsize=1)  # noqa: B019  trials that differ in the threshold share their unit
    def mean_norm(self, backend: Backend, device: str, shared: tuple[tuple[str, Any], ...]) -> float:
        """Return the mean norm of the gradient over trainings clipped at 1, all seeds together."""
        settings = dict(shared)
        curves = [
            self.train(backend, device, settings, PILOT, seed, evaluate_every=NORM_EVERY) for seed in among(settings)
        ]
        return float(np.mean([look.gradient_norm for curve in curves for look in curve.looks]))

    def train(
        self, backend: Backend, device: str, settings: Settings, method: Method, seed: int, **options: Any
    ) -> Curve:
        """Train one network by a method; return what was seen of it."""
        task = self.task("temporal-order")
        model = task.model("rnn", settings["hidden_size"])
        parameters = draw(model, STARTS[settings["initialiser"]], seed)
        how = recipe(task, method, settings, seed, learning_rate=LEARNING_RATE, **options)
        return learn(backend, task, model, parameters, how, device=device, dtype=settings["dtype"]).curve

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield that thresholds of half to ten times the mean norm work."""
        for backend, rows_of_backend in by_backend(rows):
            for family in families(rows_of_backend, self.settings, "threshold"):
                for threshold, trained in family.items():
                    if laws.is_claimed(trained.at):
                        yield Claim(
                            name=laws.name_of(threshold),
                            backend=backend,
                            sentence=laws.SOLVED.format(threshold=threshold),
                            source=laws.PAPER,
                            expected=laws.MOST,
                            measured=trained.share,
                            tolerance=0.0,
                            resolution=fewer(laws.MOST, trained.at["seeds"]),
                            relation=">=",
                        )

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield success and updates against the threshold."""
        from gradsuite_experiments.clip_threshold.figures import draw as drawn

        yield drawn(rows, claims)

    def findings(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[str]:
        """Yield which thresholds work, and which is fastest."""
        from gradsuite_experiments.clip_threshold.findings import fastest

        yield from fastest(rows)

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield how many networks solve the task, and after how many updates, by threshold."""
        from gradsuite_experiments.clip_threshold.findings import by_threshold

        yield from by_threshold(rows)
