"""Wall time, steps and examples until each backend reaches a target, trainings side by side."""

from collections.abc import Iterator, Sequence
from math import inf
from typing import TYPE_CHECKING, ClassVar

from gradsuite.backend import Backend
from gradsuite.claims import Claim
from gradsuite.experiment import Experiment, Figure, Table
from gradsuite.measuring.contention import Watch
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, ROUNDS, SEED, Presets, Setting, Settings
from gradsuite.tasks.task import Task
from gradsuite.topic import Topic
from gradsuite.training.session import Session

from gradsuite_experiments.common.learning import learn
from gradsuite_experiments.time_to_target import metrics
from gradsuite_experiments.time_to_target.workloads import WORKLOADS

if TYPE_CHECKING:
    import pandas as pd


class TimeToTarget(Experiment):
    """Seconds of steps alone until a score is reached, a whole training a sample."""

    name = "time-to-target"
    question = "How long does each backend train until a target is reached?"
    topic = Topic.SPEED
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

        It compiles, and warms up what there is to warm up; how long it took is kept beside the others. A training that
        does not reach the target has taken for ever, in whichever round.
        """
        task = self.task(WORKLOADS[settings["target"]].task)
        first = train(backend, device, settings, task)
        steps = first.steps if first.curve.end == "solved" else inf
        yield [
            Measurement(metrics.FIRST, seconds(first), "s"),
            Measurement(metrics.STEPS, steps, "steps"),
            Measurement(metrics.EXAMPLES, first.recipe.batch_size * steps),
            Measurement(metrics.REACHED, first.curve.looks[-1].score, note=first.curve.end),
        ]
        if first.curve.end != "solved":
            return
        for number in range(settings["rounds"]):
            watch = Watch()
            session = train(backend, device, settings, task)
            note = watch.stop().disturbance() or ""
            yield [Measurement(metrics.SECONDS, seconds(session), "s", index=number, note=note)]

    def findings(self, rows: "pd.DataFrame", claims: Sequence[Claim]) -> Iterator[str]:
        """Yield which backend reaches each target first, how much longer others take, and scores over all targets."""
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


def seconds(session: Session) -> float:
    """Return the seconds of steps alone that a training took to its target; infinite for one that did not get there."""
    return session.seconds if session.curve.end == "solved" else inf


def train(backend: Backend, device: str, settings: Settings, task: Task) -> Session:
    """Train one network to its target or to its last step."""
    workload, seed = WORKLOADS[settings["target"]], settings["seed"]
    model, parameters = workload.learner.draw(task, workload.hidden_size, seed)
    recipe = workload.recipe(seed)
    return learn(backend, task, model, parameters, recipe, device=device, dtype=settings["dtype"])
