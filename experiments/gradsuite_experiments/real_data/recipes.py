"""How each data set is learnt: the network and its recipe, the same on every backend."""

from collections.abc import Mapping
from dataclasses import dataclass

from gradsuite.model import Model
from gradsuite.optimizers import Adam
from gradsuite.parameters import Initialisation, Parameters, initialise
from gradsuite.tasks.task import Task
from gradsuite.training.rates import Cosine, Warmup
from gradsuite.training.recipe import Recipe

CLIP_NORM = 1.0
WARM_UP = 20  # steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One data set: network, length of its sequences, batch, epochs and the largest learning rate."""

    title: str
    cell: str = "gru"
    hidden_size: int = 64
    length: int
    batch_size: int = 32
    epochs: int
    lr: float = 5e-3
    weight_decay: float = 0.0

    def draw(self, task: Task, seed: int) -> tuple[Model, Parameters]:
        """Return the model that reads a task, and one network's parameters."""
        model = task.model(self.cell, self.hidden_size)
        return model, initialise(model, Initialisation(), seed=seed)

    def recipe(self, task: Task, *, share: float, seed: int, looks: int) -> Recipe:
        """Return how it is trained, for a share of its epochs."""
        of_epoch = task.steps_per_epoch(size=self.batch_size, length=self.length) or 1
        steps = max(WARM_UP + 1, round(share * self.epochs * of_epoch))
        return Recipe(
            optimizer=Adam(lr=self.lr, clip_norm=CLIP_NORM, weight_decay=self.weight_decay),
            rate=Warmup(WARM_UP, Cosine(steps - WARM_UP)),
            batch_size=self.batch_size,
            length=self.length,
            steps=steps,
            evaluate_every=max(1, steps // looks),
            seed=seed,
        )


STUDIES: Mapping[str, Study] = {
    "digits": Study(title="digits by rows", length=8, epochs=30),
    "digits-pixels": Study(title="digits by pixels", length=64, epochs=30, lr=1e-2),
    "mnist1d": Study(title="MNIST-1D", length=40, batch_size=64, epochs=60),
    "japanese-vowels": Study(title="Japanese vowels", length=29, epochs=60),
    "language": Study(title="language", cell="lstm", hidden_size=256, length=64, batch_size=16, epochs=12, lr=4e-3),
    "sunspots": Study(title="sunspots", hidden_size=16, length=24, epochs=60, weight_decay=1e-3),
    "co2": Study(title="carbon dioxide", hidden_size=16, length=24, epochs=40, weight_decay=1e-3),
    "macro": Study(title="growth of GDP", hidden_size=8, length=8, epochs=30, weight_decay=1e-2),
    "sp500-returns": Study(title="S&P 500 returns", hidden_size=16, length=22, batch_size=64, epochs=5, lr=2e-3),
    "sp500-volatility": Study(title="S&P 500 volatility", hidden_size=16, length=22, batch_size=64, epochs=10, lr=2e-3),
}
