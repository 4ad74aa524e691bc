"""A recipe: everything that decides what a training does, besides its network and its task."""

from dataclasses import dataclass, field

from gradsuite.errors import UserError
from gradsuite.optimizers import Optimizer
from gradsuite.training.rates import Constant, Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a network is trained; the same recipe gives the same batches on every backend.

    Every `evaluate_every` steps, and after the last, the network is judged on the validation split; it stops once its
    score reaches the `goal`. `rate` multiplies the optimizer's learning rate, step by step. A loss above `bound`, or
    one that is no number, has diverged. `omega` is the weight of the regulariser of Pascanu, Mikolov & Bengio 2013,
    eq. 9. `seed` is that of the batches. Raises UserError for a number out of range.
    """

    optimizer: Optimizer
    rate: Rate = field(default_factory=Constant)
    batch_size: int = 32
    length: int = 100
    steps: int = 1000
    evaluate_every: int = 100
    goal: float | None = None
    bound: float = float("inf")
    omega: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("batch_size", "length", "steps", "evaluate_every"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not self.bound > 0:
            raise UserError(f"bound must be positive, not {self.bound}")
        if not 0 <= self.omega < float("inf"):
            raise UserError(f"omega must be finite and not negative, not {self.omega}")

    def optimizer_at(self, step: int) -> Optimizer:
        """Return the optimizer of a step (from 0), with the learning rate that it has there."""
        factor = self.rate.factor(step)
        return self.optimizer if factor == 1.0 else self.optimizer.with_lr(self.optimizer.lr * factor)
