"""One training in float64 on every backend, beside a twin in extended precision: where do their loss curves part?"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from gradsuite.backend import Backend
from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure
from gradsuite.optimizers import SGD
from gradsuite.parameters import Initialisation, initialise
from gradsuite.rows import Measurement
from gradsuite.settings import BATCH_SIZE, HIDDEN_SIZE, LENGTH, SEED, Presets, Setting, Settings
from gradsuite.topic import Topic
from gradsuite.training.recipe import Recipe

from gradsuite_experiments.common.frames import by_backend, trials, value, values
from gradsuite_experiments.common.learning import UPDATES, learn
from gradsuite_experiments.same_curve import laws, twin

if TYPE_CHECKING:
    import pandas as pd

CLIP_NORM = 1.0  # else a chaotic training has no loss to compare


class SameCurve(Experiment):
    """The loss of a tanh network over one training, and its distance from that of the twin."""

    name = "same-curve"
    question = "Is the loss curve of one training the same on every backend, and where does chaos part them?"
    topic = Topic.AGREEMENT
    timed = False
    settings = (
        Setting("regime", str, "training below criticality, or beyond it", choices=tuple(laws.REGIMES)),
        replace(LENGTH, minimum=2),
        HIDDEN_SIZE,
        BATCH_SIZE,
        UPDATES,
        SEED,
    )
    presets: ClassVar[Presets] = {
        preset: {
            "regime": regimes,
            "length": [30],
            "hidden_size": [16],
            "batch_size": [8],
            "updates": [updates],
            "seed": seeds,
        }
        for preset, regimes, updates, seeds in (
            ("quick", [laws.STABLE], 20, [0]),
            ("standard", [laws.STABLE, laws.CHAOTIC], 200, [0]),
            ("full", [laws.STABLE, laws.CHAOTIC], 200, [0, 1, 2]),
        )
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Train once on the backend and once by the twin, from the same parameters and batches."""
        task, seed, T, B = self.task("adding"), settings["seed"], settings["length"], settings["batch_size"]
        gain, lr = laws.REGIMES[settings["regime"]]
        model = task.model("rnn", settings["hidden_size"])
        parameters = initialise(model, Initialisation("normal", gain), seed=seed)
        steps, optimizer = settings["updates"], SGD(lr=lr, clip_norm=CLIP_NORM)
        recipe = Recipe(optimizer=optimizer, batch_size=B, length=T, steps=steps, evaluate_every=steps, seed=seed)
        curve = learn(backend, task, model, parameters, recipe, device=device, dtype="float64").curve
        batch = partial(task.training_batch, seed, model=model, size=B, length=T)
        expected = twin.losses(parameters, optimizer, batch, steps)
        differences = np.abs(np.array(curve.losses) - expected[: curve.steps])
        rows = [Measurement(laws.LOSS, loss, index=step) for step, loss in enumerate(expected)]
        rows += [Measurement(laws.DIFFERENCE, one, index=step) for step, one in enumerate(differences)]
        if settings["regime"] == laws.STABLE:
            moved = twin.losses(parameters, optimizer, batch, steps, factor=1.0 + laws.PROBED)
            rows.append(Measurement(laws.SENSITIVITY, float(np.abs(moved - expected).max()) / laws.PROBED))
        else:
            rows.append(Measurement(laws.RATE, laws.rate(differences), "1/step"))
        yield rows

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield that curves are the same where nothing grows; nothing about those that chaos parts."""
        for backend, rows_of_backend in by_backend(rows):
            for _, settings, trial in trials(rows_of_backend):
                if settings["regime"] != laws.STABLE:
                    continue
                differences = values(trial, laws.DIFFERENCE)
                ended = len(differences) < settings["updates"]  # a training that diverged has no more losses
                yield Claim(
                    name="same-curve/stable",
                    backend=backend,
                    sentence=laws.SAME,
                    source=laws.SOURCE,
                    expected=0.0,
                    measured=float("nan") if ended else float(differences.max()),
                    tolerance=laws.AGREED,
                    resolution=laws.resolution(value(trial, laws.SENSITIVITY)),
                )

    def findings(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[str]:
        """Yield how far curves are apart, and how fast chaos parts them."""
        from gradsuite_experiments.same_curve.findings import sentences

        yield from sentences(rows)

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield the losses, and their distances from the twin's."""
        from gradsuite_experiments.same_curve.figures import draw

        yield draw(rows, claims)
