"""LSTMs that differ in the bias of their forget gates alone: after how many updates each solves temporal order."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from gradsuite.backend import Backend
from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure, Table
from gradsuite.optimizers import Adam
from gradsuite.parameters import Initialisation, initialise
from gradsuite.precision import PRECISE
from gradsuite.rows import Measurement
from gradsuite.settings import BATCH_SIZE, DTYPE, HIDDEN_SIZE, LENGTH, SEEDS, Presets, Setting, Settings
from gradsuite.topic import Topic
from gradsuite.training.recipe import Recipe

from gradsuite_experiments.common.frames import by_backend
from gradsuite_experiments.common.learning import UPDATES, Family, among, families, learn, more, of_curve
from gradsuite_experiments.time_scale import laws
from gradsuite_experiments.time_scale.laws import BIASES, CHRONO, FORGETFUL

if TYPE_CHECKING:
    import pandas as pd

LEARNING_RATE = 0.005
CLIP_NORM = 1.0


class TimeScale(Experiment):
    """Updates until an LSTM solves the temporal order problem, against what its forget gates keep over T steps."""

    name = "time-scale"
    question = "Does what forget gates keep at initialisation say how soon a dependency of T steps is learnt?"
    topic = Topic.LEARNING
    timed = False
    apart = ("quick",)
    settings = (
        Setting("bias", str, "forget bias, or chrono: drawn for dependencies of up to T steps", choices=BIASES),
        replace(LENGTH, minimum=10),
        HIDDEN_SIZE,
        BATCH_SIZE,
        UPDATES,
        SEEDS,
        replace(DTYPE, choices=PRECISE),
    )
    presets: ClassVar[Presets] = {
        preset: {
            "bias": biases,
            "length": [length],
            "hidden_size": [32],
            "batch_size": [32],
            "updates": [updates],
            "seeds": [seeds],
            "dtype": ["float32"],
        }
        for preset, biases, length, updates, seeds in (
            ("quick", ["1", CHRONO], 20, 100, 1),
            ("standard", ["1", CHRONO], laws.LENGTH, laws.SOON, 1),
            ("full", list(BIASES), laws.LENGTH, laws.UPDATES, 3),
        )
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Train each network of a trial, with batches of its own."""
        task, T = self.task("temporal-order"), settings["length"]
        model = task.model("lstm", settings["hidden_size"])
        bias = settings["bias"]
        how = Initialisation(chrono=T) if bias == CHRONO else Initialisation(forget_bias=float(bias))
        recipe = Recipe(
            optimizer=Adam(lr=LEARNING_RATE, clip_norm=CLIP_NORM),
            batch_size=settings["batch_size"],
            length=T,
            steps=settings["updates"],
            evaluate_every=laws.EVALUATE_EVERY,
            goal=task.solved,
        )
        rows: list[Measurement] = []
        for seed in among(settings):
            parameters = initialise(model, how, seed=seed)
            of_seed = replace(recipe, seed=seed)
            curve = learn(backend, task, model, parameters, of_seed, device=device, dtype=settings["dtype"]).curve
            rows += of_curve(curve, seed)
        yield rows

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield what is learnt in the claims' protocol, what is not, and that chrono is first."""
        for backend, rows_of_backend in by_backend(rows):
            claim = partial(Claim, backend=backend, tolerance=0.0, relation="<=")
            for family in families(rows_of_backend, self.settings, "bias"):
                if laws.is_protocol(next(iter(family.values())).at):
                    yield from of_family(claim, family)

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield updates against what gates keep, and learning curves."""
        from gradsuite_experiments.time_scale.figures import draw

        yield draw(rows, claims)

    def findings(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[str]:
        """Yield how many updates the best bias needs, and which biases learn nothing."""
        from gradsuite_experiments.time_scale.findings import soonest

        yield from soonest(rows)

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield what gates keep beside the updates that were needed."""
        from gradsuite_experiments.time_scale.findings import by_bias

        yield from by_bias(rows)


def of_family(claim: "partial[Claim]", family: Family) -> Iterator[Claim]:
    """Yield what is claimed of trials that differ in the bias alone."""
    after = {bias: trained.after for bias, trained in family.items()}
    updates, seeds = (next(iter(family.values())).at[name] for name in ("updates", "seeds"))
    for bias in (bias for bias in FORGETFUL if bias in family and updates <= laws.UPDATES):
        yield claim(
            name=f"time-scale/never/{bias}/{updates}",
            sentence=laws.NEVER.format(bias=bias, updates=updates),
            source=laws.GATE,
            expected=0.0,
            measured=float(np.isfinite(after[bias]).mean()),
            resolution=more(0.0, seeds),
        )
    if CHRONO not in family or updates < laws.SOON:
        return
    yield claim(
        name="time-scale/soon/chrono",
        sentence=laws.CHRONO_SOON,
        source=laws.TALLEC,
        expected=laws.SOON,
        measured=float(after[CHRONO].max()),
        resolution=laws.slower(laws.SOON),
    )
    for bias in (bias for bias in laws.KEEPING if bias in family):
        most = min(float(np.median(after[bias])), float(updates))
        yield claim(
            name=f"time-scale/first/{bias}",
            sentence=laws.FIRST.format(bias=bias),
            source=laws.GATE,
            expected=most,
            measured=float(np.median(after[CHRONO])),
            resolution=laws.slower(most),
        )
