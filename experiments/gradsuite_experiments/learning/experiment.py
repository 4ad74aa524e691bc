"""Learning curves of plain and gated networks on the adding problem and on copy memory, beside exact baselines."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from gradsuite.backend import Backend
from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure, Table
from gradsuite.optimizers import Adam
from gradsuite.precision import PRECISE
from gradsuite.rows import Measurement
from gradsuite.settings import BATCH_SIZE, DTYPE, HIDDEN_SIZE, LENGTH, SEEDS, Grid, Presets, Setting, Settings
from gradsuite.topic import Topic
from gradsuite.training.recipe import Recipe

from gradsuite_experiments.common.frames import by_backend, trials, values
from gradsuite_experiments.common.learning import UPDATES, among, learn, of_curve
from gradsuite_experiments.learning import laws
from gradsuite_experiments.learning.networks import GATED, LEARNERS

if TYPE_CHECKING:
    import pandas as pd

LEARNING_RATE = 0.005
CLIP_NORM = 1.0
LOOKS = 20  # at a training

NETWORK = Setting("network", str, "network that learns: its cell, and how it is initialised", choices=tuple(LEARNERS))


def presets(length: int, *, standard: int, full: int) -> dict[str, Grid]:
    """Return the presets of one task: its length in all but quick, and the updates of standard and full."""
    return {
        preset: {
            "network": networks,
            "length": [steps],
            "hidden_size": [32],
            "batch_size": [32],
            "updates": [updates],
            "seeds": [seeds],
            "dtype": ["float32"],
        }
        for preset, networks, steps, updates, seeds in (
            ("quick", ["gru"], 21, 40, 1),
            ("standard", ["rnn", "gru"], length, standard, 1),
            ("full", list(LEARNERS), length, full, 3),
        )
    }


class Learning(Experiment):
    """What learning curves of one task have in common."""

    topic = Topic.LEARNING
    timed = False
    task_name: ClassVar[str]
    goal: ClassVar[float | None] = None  # score of the validation split at which a training stops
    settings = (
        NETWORK,
        replace(LENGTH, minimum=21),
        HIDDEN_SIZE,
        BATCH_SIZE,
        UPDATES,
        SEEDS,
        replace(DTYPE, choices=PRECISE),
    )

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Train each network of a trial to its goal or its last update, and judge it on the test."""
        task, updates = self.task(self.task_name), settings["updates"]
        recipe = Recipe(
            optimizer=Adam(lr=LEARNING_RATE, clip_norm=CLIP_NORM),
            batch_size=settings["batch_size"],
            length=settings["length"],
            steps=updates,
            evaluate_every=max(1, updates // LOOKS),
            goal=self.goal,
        )
        rows: list[Measurement] = []
        for seed in among(settings):
            model, parameters = LEARNERS[settings["network"]].draw(task, settings["hidden_size"], seed)
            of_seed = replace(recipe, seed=seed)
            session = learn(backend, task, model, parameters, of_seed, device=device, dtype=settings["dtype"])
            rows += of_curve(session.curve, seed)
            rows.append(Measurement(laws.BEST, min(look.score for look in session.curve.looks), member=seed))
            rows.append(Measurement(laws.TEST, session.score("test"), member=seed))
        yield rows

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield learning curves beside the baselines."""
        from gradsuite_experiments.learning.figures import draw

        yield draw(self.name, rows, claims, self.task(self.task_name))

    def findings(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[str]:
        """Yield which networks learn, and after how many updates."""
        from gradsuite_experiments.learning.findings import sentences

        yield from sentences(rows, self.task(self.task_name))

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield what each network scores in the end."""
        from gradsuite_experiments.learning.findings import scores

        yield from scores(rows, self.task(self.task_name))


class Adding(Learning):
    """The adding problem: gated networks learn to add numbers 100 steps apart, a plain one does not."""

    name = "adding"
    question = "Which networks learn to add two numbers that stand far apart?"
    task_name = "adding"
    goal = laws.GOAL
    presets: ClassVar[Presets] = presets(laws.ADDING_STEPS, standard=laws.ADDING_UPDATES, full=2000)

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield that gated networks learn in the claims' protocol, and that a plain one does not."""
        for backend, rows_of_backend in by_backend(rows):
            claim = partial(Claim, backend=backend, tolerance=0.0)
            for _, at, trial in trials(rows_of_backend):
                if not laws.is_protocol(at, laws.ADDING_STEPS, laws.ADDING_UPDATES):
                    continue
                scores = values(trial, laws.TEST, "member")
                if at["network"] in GATED:
                    yield claim(
                        name=f"adding/learnt/{at['network']}",
                        sentence=laws.GATED_LEARN.format(cell=laws.A[at["network"]]),
                        source=laws.HOCHREITER,
                        expected=laws.LEARNT,
                        measured=float(scores.max()),
                        resolution=laws.at_most(laws.LEARNT, float(scores.max())),
                        relation="<=",
                    )
                if at["network"] == "rnn":
                    least = float(min(values(trial, laws.BEST, "member").min(), scores.min()))
                    yield claim(
                        name="adding/unlearnt/rnn",
                        sentence=laws.PLAIN_FAILS,
                        source=laws.BENGIO,
                        expected=laws.UNLEARNT,
                        measured=least,
                        resolution=laws.at_least(laws.UNLEARNT, least),
                        relation=">=",
                    )


class CopyMemory(Learning):
    """Copy memory: whether a network does better than one that remembers nothing."""

    name = "copy"
    question = "Which networks remember ten symbols over a long blank?"
    apart = ("quick",)
    task_name = "copy"
    presets: ClassVar[Presets] = presets(laws.COPY_STEPS, standard=laws.COPY_UPDATES, full=3000)

    def claims(self, rows: "pd.DataFrame") -> Iterator[Claim]:
        """Yield that gated networks remember something in the claims' protocol."""
        for backend, rows_of_backend in by_backend(rows):
            for _, at, trial in trials(rows_of_backend):
                if not laws.is_protocol(at, laws.COPY_STEPS, laws.COPY_UPDATES) or at["network"] not in GATED:
                    continue
                (baseline,) = self.task(self.task_name).baselines(length=at["length"]).values()
                worst = float(values(trial, laws.TEST, "member").max())
                yield Claim(
                    name=f"copy/remembered/{at['network']}",
                    backend=backend,
                    sentence=laws.REMEMBERED.format(cell=laws.A[at["network"]]),
                    source=laws.ARJOVSKY,
                    expected=baseline,
                    measured=worst,
                    tolerance=0.0,
                    resolution=laws.at_most(baseline, worst),
                    relation="<=",
                )
