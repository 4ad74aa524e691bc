"""What `gradsuite train` is asked for: a training as plain numbers and texts, which travel to a worker and to disk."""

from dataclasses import dataclass, fields, replace
from typing import Any

from gradsuite.errors import UserError, quoted, unknown
from gradsuite.model import Model
from gradsuite.optimizers import OPTIMIZERS, Optimizer
from gradsuite.parameters import Initialisation, Parameters, initialise
from gradsuite.plugins import Plugins
from gradsuite.schedule import Schedule
from gradsuite.settings import BATCH_SIZE, HIDDEN_SIZE, LENGTH, NUM_LAYERS, SEED, Setting
from gradsuite.tasks.task import Task
from gradsuite.training.rates import rate
from gradsuite.training.recipe import Recipe

ANY_LENGTH = 100  # time steps, of a task that comes in any length
OF_OPTIMIZER = ("momentum", "weight_decay", "clip_norm", "clip_unit", "clip_value")
NO_GOAL = "none"
SIZES = {one.name: one for one in (BATCH_SIZE, HIDDEN_SIZE, LENGTH, NUM_LAYERS, SEED)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A training as the command's options name it; None is the default that the task or the optimizer has."""

    task: str
    cell: str = "lstm"
    hidden_size: int = 64
    num_layers: int = 1
    activation: str = "tanh"
    backend: str = "numpy"
    device: str = "cpu"
    dtype: str = "float32"
    length: int | None = None
    batch_size: int = 32
    steps: int = 5000
    optimizer: str = "adam"
    lr: float = 1e-3
    momentum: float | None = None
    weight_decay: float | None = None
    clip_norm: float | None = None
    clip_unit: float | None = None
    clip_value: float | None = None
    rate: str = "constant"
    truncation: str | None = None
    omega: float = 0.0
    initialiser: str = "default"
    gain: float = 1.0
    forget_bias: float | None = None
    chrono: float | None = None
    evaluate_every: int = 100
    goal: str | None = None
    seed: int = 0
    threads: int | None = None

    def __post_init__(self) -> None:
        """Raise UserError for a number that means nothing: what each may be besides is said where it is used."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int | float):
                SIZES.get(field.name, Setting(field.name, type(value), "")).parse(value)

    def found(self, plugins: Plugins) -> Task:
        """Return the task. Raises UserError if there is none of this name."""
        return plugins.task(self.task)

    def model(self, task: Task) -> Model:
        """Return the network that reads the task. Raises UserError for a name or size that is not allowed."""
        return task.model(
            self.cell,
            self.hidden_size,
            num_layers=self.num_layers,
            activation=self.activation,
            length=self.length_of(task),
        )

    def parameters(self, model: Model) -> Parameters:
        """Return the parameters to begin with. Raises UserError for an initialisation that the model cannot have."""
        initialisation = Initialisation(
            weights=self.initialiser, gain=self.gain, forget_bias=self.forget_bias, chrono=self.chrono
        )
        return initialise(model, initialisation, seed=self.seed)

    def recipe(self, task: Task) -> Recipe:
        """Return how it is trained. Raises UserError for a number out of range."""
        return Recipe(
            optimizer=self._optimizer(),
            rate=rate(self.rate, self.steps),
            batch_size=self.batch_size,
            length=self.length_of(task),
            steps=self.steps,
            evaluate_every=self.evaluate_every,
            goal=self._goal(task),
            omega=self.omega,
            seed=self.seed,
        )

    def schedule(self) -> Schedule:
        """Return how the backward pass is split over time. Raises UserError for what is no pair of steps."""
        if self.truncation is None:
            return Schedule()
        try:
            first, second = map(int, self.truncation.split(","))
        except ValueError as error:
            raise UserError(f"truncation must be K1,K2, such as 10,20, not {quoted(self.truncation)}") from error
        return Schedule(truncation=(first, second))

    def length_of(self, task: Task) -> int:
        """Return how many time steps a sequence has."""
        return self.length if self.length is not None else task.only_length or ANY_LENGTH

    def _optimizer(self) -> Optimizer:
        """Return the optimizer with the settings that were given. Raises UserError for one that it does not have."""
        if self.optimizer not in OPTIMIZERS:
            raise unknown("optimizer", self.optimizer, OPTIMIZERS)
        plain = OPTIMIZERS[self.optimizer](lr=self.lr)
        given = {name: getattr(self, name) for name in OF_OPTIMIZER if getattr(self, name) is not None}
        has = [field.name for field in fields(plain)]
        for name in given:
            if name not in has:
                others = [other for other, made in OPTIMIZERS.items() if name in {f.name for f in fields(made(lr=1.0))}]
                raise UserError(f"{name} is not for {self.optimizer} (it is for: {', '.join(sorted(others))})")
        return replace(plain, **given)

    def _goal(self, task: Task) -> float | None:
        if self.goal is None or self.goal == NO_GOAL:
            return task.solved if self.goal is None else None
        try:
            return float(Setting("goal", float, "").parse(self.goal))
        except UserError as error:
            message = f"goal must be a score, or {NO_GOAL} to take all steps, not {quoted(self.goal)}"
            raise UserError(message) from error


def resumed(before: dict[str, Any], now: dict[str, Any], folder: str) -> Asked:
    """Return what a checkpoint was asked for, with the options of `now` that may change. Raises UserError for others.

    More steps are allowed, and another number of threads.
    """
    names = {field.name for field in fields(Asked)}
    if not before.keys() <= names or "task" not in before:
        raise UserError(f"the training in {folder!r} was not begun by `gradsuite train`: it cannot be resumed by it")
    was = Asked(**before)
    others = [name for name in now if getattr(was, name) != now[name] and name not in ("steps", "threads")]
    if now.get("steps", was.steps) < was.steps:
        others.append("steps")
    if others:
        said = "; ".join(f"{name.replace('_', '-')} {getattr(was, name)}, not {now[name]}" for name in others)
        raise UserError(f"the training in {folder!r} has {said}: leave these out (only --steps may grow)")
    return replace(was, **now)
