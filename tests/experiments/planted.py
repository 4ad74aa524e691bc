"""Experiments about learning, as if their networks had solved the task after given updates: nothing is trained."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from unittest.mock import patch

import pandas as pd
from gradsuite.experiment import Experiment
from gradsuite.rows import Measurement
from gradsuite.training.curve import Curve, Look
from gradsuite_experiments.common.learning import of_curve

from tests.experiments.laboratory import measured

NEVER = math.inf
After = Callable[[Mapping[str, Any], int], float]  # settings and seed to updates, or NEVER


def planted(experiment: Experiment, after: After, *, preset: str = "full", **changes: Sequence[Any]) -> pd.DataFrame:
    """Return the rows of an experiment whose networks solved their task after so many updates."""

    def measure(backend: Any, device: str, settings: Mapping[str, Any]) -> Iterator[list[Measurement]]:
        seeds = range(settings["seeds"])
        yield [m for seed in seeds for m in of_curve(curve(after(settings, seed), settings["updates"]), seed)]

    with patch.object(experiment, "measure", measure):
        return measured(experiment, preset=preset, **changes)


def curve(after: float, updates: int) -> Curve:
    """Return the curve of a training that solved its task after so many updates, or never, of at most `updates`."""
    steps = updates if math.isinf(after) else int(after)
    look = Look(step=steps, loss=0.5, gradient_norm=1.0, horizon=1.0, score=0.75, rate=0.1, seconds=1.0)
    return Curve([0.5] * steps, [look], "done" if math.isinf(after) else "solved")
