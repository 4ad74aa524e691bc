"""The workloads: a task, a network and a recipe each, with the score to reach."""

from collections.abc import Mapping
from dataclasses import dataclass

from gradsuite.optimizers import Adam
from gradsuite.parameters import Initialisation
from gradsuite.training.recipe import Recipe

from gradsuite_experiments.learning.networks import Learner

CLIP_NORM = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A training to a target, the same on every backend."""

    title: str
    task: str
    learner: Learner
    hidden_size: int
    length: int
    batch_size: int
    goal: float
    steps: int
    evaluate_every: int
    lr: float = 5e-3

    def recipe(self, seed: int) -> Recipe:
        """Return how it is trained."""
        return Recipe(
            optimizer=Adam(lr=self.lr, clip_norm=CLIP_NORM),
            batch_size=self.batch_size,
            length=self.length,
            steps=self.steps,
            evaluate_every=self.evaluate_every,
            goal=self.goal,
            seed=seed,
        )


WORKLOADS: Mapping[str, Workload] = {
    "digits": Workload(
        title="digits to 95%", task="digits", learner=Learner("GRU", "gru"), hidden_size=64, length=8, batch_size=32,
        goal=0.95, steps=1500, evaluate_every=45,
    ),
    "adding": Workload(
        title="adding over 50 steps to 0.01", task="adding", learner=Learner("GRU", "gru"), hidden_size=32, length=50,
        batch_size=32, goal=0.01, steps=2000, evaluate_every=50,
    ),
    "order": Workload(
        title="temporal order over 50 steps to 99%", task="temporal-order",
        learner=Learner("LSTM", "lstm", Initialisation(chrono=50)), hidden_size=32, length=50, batch_size=32, goal=0.99,
        steps=2000, evaluate_every=25,
    ),
    "vowels": Workload(
        title="Japanese vowels to 94%", task="japanese-vowels", learner=Learner("LSTM", "lstm"), hidden_size=64,
        length=29, batch_size=30, goal=0.94, steps=1000, evaluate_every=18,
    ),
}  # fmt: skip
