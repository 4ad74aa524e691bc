"""Wall time, steps and examples until each backend reaches a target, trainings side by side."""

from collections.abc import Iterator, Sequence
from math import inf
from typing import TYPE_CHECKING, ClassVar

from gradsuite.backend import Backend
from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure, Table
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, ROUNDS, SEED, Presets, Setting, Settings
from gradsuite.tasks.task import Task
from gradsuite.training.session import Session

from gradsuite_experiments.time_to_target import metrics
from gradsuite_experiments.time_to_target.workloads import WORKLOADS

if TYPE_CHECKING:
    import pandas as pd


class TimeToTarget(Experiment):
    """Seconds of steps alone until a score is reached, a whole training a sample."""

    name = "time-to-target"
    question = "How long does each backend train until a target is reached?"
    named = True
    settings = (
        Setting("target", str, "training and the score to reach", choices=tuple(WORKLOADS)),
        SEED,
        ROUNDS,
        DTYPE,
    )
    presets: ClassVar[Presets] = {
        "quick": {"target": ["digits"], "seed": [0], "rounds": [1], "dtype": ["float32"]},
        "standard": {"target": ["digits", "order"], "seed": [0], "rounds": [3], "dtype": ["float32"]},
        "full": {"target": list(WORKLOADS), "seed": [0, 1], "rounds": [5], "dtype": ["float32"]},
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Train to the target once a round, each time from the same parameters; the first training is not timed.

        It compiles, and warms up what there is to warm up; how long it took is kept beside the others.
        """
        task = self.task(WORKLOADS[settings["target"]].task)
        first = train(backend, device, settings, task)
        seconds = first.seconds if first.curve.end == "solved" else inf
        scale = first.recipe.batch_size
        yield [
            Measurement(metrics.FIRST, seconds, "s"),
            Measurement(metrics.STEPS, first.steps if first.curve.end == "solved" else inf, "steps"),
            Measurement(metrics.EXAMPLES, scale * first.steps if first.curve.end == "solved" else inf),
            Measurement(metrics.REACHED, first.curve.looks[-1].score, note=first.curve.end),
        ]
        if first.curve.end != "solved":
            return
        for number in range(settings["rounds"]):
            session = train(backend, device, settings, task)
            yield [Measurement(metrics.SECONDS, session.seconds, "s", index=number)]

    def findings(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[str]:
        """Yield which backend reaches each target first, and how much longer the others take."""
        from gradsuite_experiments.time_to_target.findings import sentences

        yield from sentences(rows)

    def figures(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield times over the fastest, and the share of targets reached within a multiple of it."""
        from gradsuite_experiments.time_to_target.figures import draw

        yield draw(rows)

    def tables(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[Table]:
        """Yield seconds, steps and examples of every backend."""
        from gradsuite_experiments.time_to_target.findings import times

        yield from times(rows)


def train(backend: Backend, device: str, settings: Settings, task: Task) -> Session:
    """Train one network to its target or to its last step."""
    workload, seed = WORKLOADS[settings["target"]], settings["seed"]
    model, parameters = workload.learner.draw(task, workload.hidden_size, seed)
    recipe = workload.recipe(seed)
    session = Session(backend, task, model, parameters, recipe, device=device, dtype=settings["dtype"])
    for _ in session.run():
        pass
    return session
