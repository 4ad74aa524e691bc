"""Optimizers, written once over plain array operators so that they run on any backend's arrays."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from gradsuite.clipping import Array, Arrays, clip_by_global_norm, clip_by_unit_norm, clip_by_value
from gradsuite.errors import UserError, unknown

Slots = tuple[Any, Mapping[str, tuple[Array, ...]]]  # steps taken, and each parameter's running averages


@dataclass(frozen=True, kw_only=True)
class Optimizer(ABC):
    """A rule that turns parameters and gradients into the next parameters; the formulas are torch.optim's.

    Gradients are first clipped by global norm, then by unit, then by value, wherever a limit is given. Immutable and
    hashable, so that a backend may compile one step for it.
    """

    lr: float
    weight_decay: float = 0.0
    clip_norm: float | None = None
    clip_unit: float | None = None
    clip_value: float | None = None

    def __post_init__(self) -> None:
        for name in ("lr", "clip_norm", "clip_unit", "clip_value"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UserError(f"{name} must be positive, not {value}")
        if not self.weight_decay >= 0:
            raise UserError(f"weight_decay must not be negative, not {self.weight_decay}")

    @property
    def slot_count(self) -> int:
        """How many running averages each parameter has."""
        return 0

    def with_lr(self, lr: Any) -> Self:
        """Return the same optimizer with another learning rate: a number, or a 0-d array of a backend's.

        A number may be 0, where a schedule of rates ends; raises UserError for a negative one. An array is not looked
        at, so that a backend may compile one program for all rates.
        """
        if isinstance(lr, int | float) and not lr >= 0:
            raise UserError(f"lr must not be negative, not {lr}")
        other = object.__new__(type(self))
        vars(other).update(vars(self), lr=lr)  # at every step of a schedule: copy.copy takes ten times as long
        return other

    def start(self, parameters: Arrays) -> Slots:
        """Return the slots before the first step: no steps taken, zeros for every running average."""
        return 0, {name: (p * 0,) * self.slot_count for name, p in parameters.items()}

    def apply(
        self, parameters: Arrays, gradients: Arrays, slots: Slots | None, *, stacked: bool = False
    ) -> tuple[dict[str, Array], Slots]:
        """Return the next parameters and slots; `slots` is None at the first step. Nothing is changed in place.

        `stacked` says that every array has a leading axis of networks: each of them is clipped by its own norm.
        """
        steps, averages = slots or self.start(parameters)
        steps = steps + 1
        gradients = self.clip(parameters, gradients, stacked=stacked)
        moved = {
            name: self.move(p, gradients[name], averages[name], steps)
            for name, p in parameters.items()
        }  # fmt: skip
        return {name: new for name, (new, _) in moved.items()}, (steps, {name: s for name, (_, s) in moved.items()})

    def clip(self, parameters: Arrays, gradients: Arrays, *, stacked: bool = False) -> Arrays:
        """Return the gradients clipped as this optimizer asks."""
        if self.clip_norm is not None:
            gradients = clip_by_global_norm(gradients, self.clip_norm, stacked=stacked)
        if self.clip_unit is not None:
            gradients = clip_by_unit_norm(parameters, gradients, self.clip_unit)
        if self.clip_value is not None:
            gradients = clip_by_value(gradients, self.clip_value)
        return gradients

    @abstractmethod
    def move(self, p: Array, g: Array, slots: tuple[Array, ...], steps: Any) -> tuple[Array, tuple[Array, ...]]:
        """Return one parameter's next value and slots; `steps` counts from 1."""


@dataclass(frozen=True, kw_only=True)
class SGD(Optimizer):
    """Gradient descent: p - lr (g + weight_decay p)."""

    def move(self, p: Array, g: Array, slots: tuple[Array, ...], steps: Any) -> tuple[Array, tuple[Array, ...]]:
        """Return the next parameter."""
        return p - self.lr * (g + self.weight_decay * p), slots


@dataclass(frozen=True, kw_only=True)
class Momentum(Optimizer):
    """Gradient descent with momentum: m <- momentum m + g, p - lr m, or with Nesterov p - lr (g + momentum m)."""

    momentum: float = 0.9
    nesterov: bool = False

    @property
    def slot_count(self) -> int:
        """One: the velocity."""
        return 1

    def move(self, p: Array, g: Array, slots: tuple[Array, ...], steps: Any) -> tuple[Array, tuple[Array, ...]]:
        """Return the next parameter and its velocity."""
        g = g + self.weight_decay * p
        velocity = self.momentum * slots[0] + g
        return p - self.lr * (g + self.momentum * velocity if self.nesterov else velocity), (velocity,)


@dataclass(frozen=True, kw_only=True)
class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, algorithm 1), weight decay added to the gradient."""

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    @property
    def slot_count(self) -> int:
        """Two: the moments."""
        return 2

    def move(self, p: Array, g: Array, slots: tuple[Array, ...], steps: Any) -> tuple[Array, tuple[Array, ...]]:
        """Return the next parameter and its two moments."""
        return self.adapt(p, g + self.weight_decay * p, slots, steps)

    def adapt(self, p: Array, g: Array, slots: tuple[Array, ...], steps: Any) -> tuple[Array, tuple[Array, ...]]:
        """Return the same without weight decay."""
        m = self.beta1 * slots[0] + (1 - self.beta1) * g
        v = self.beta2 * slots[1] + (1 - self.beta2) * (g * g)
        m_hat, v_hat = m / (1 - self.beta1**steps), v / (1 - self.beta2**steps)
        return p - self.lr * m_hat / (v_hat**0.5 + self.eps), (m, v)


@dataclass(frozen=True, kw_only=True)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2): p (1 - lr weight_decay) first."""

    weight_decay: float = 0.01

    def move(self, p: Array, g: Array, slots: tuple[Array, ...], steps: Any) -> tuple[Array, tuple[Array, ...]]:
        """Return the next parameter and its two moments."""
        new, slots = self.adapt(p, g, slots, steps)
        return new - self.lr * self.weight_decay * p, slots


@dataclass(frozen=True, kw_only=True)
class RMSprop(Optimizer):
    """RMSprop (Hinton 2012): v <- alpha v + (1 - alpha) g^2, p - lr g / (v^0.5 + eps).

    `centered` takes the square of g's own running average from v (Graves 2013). `momentum` gathers g / (v^0.5 + eps) in
    a velocity, which lr multiplies. `eps_in_sqrt` divides by (v + eps)^0.5 instead, as optax does unless told not to.
    """

    alpha: float = 0.99
    eps: float = 1e-8
    momentum: float = 0.0
    centered: bool = False
    eps_in_sqrt: bool = False

    @property
    def slot_count(self) -> int:
        """One to three."""
        return len(self.averages("square", "mean", "velocity"))

    def averages(self, square: str, mean: str, velocity: str) -> tuple[str, ...]:
        """Return those of these names, of the running averages, that are kept: in the order of the slots."""
        return (square, *([mean] if self.centered else []), *([velocity] if self.momentum > 0 else []))

    def move(self, p: Array, g: Array, slots: tuple[Array, ...], steps: Any) -> tuple[Array, tuple[Array, ...]]:
        """Return the next parameter and its running averages."""
        g = g + self.weight_decay * p
        v = self.alpha * slots[0] + (1 - self.alpha) * (g * g)
        variance, kept = v, [v]
        if self.centered:
            mean = self.alpha * slots[1] + (1 - self.alpha) * g
            variance, kept = v - mean * mean, [v, mean]
        root = (variance + self.eps) ** 0.5 if self.eps_in_sqrt else variance**0.5 + self.eps
        if not self.momentum > 0:
            return p - self.lr * g / root, (*kept,)
        velocity = self.momentum * slots[len(kept)] + g / root
        return p - self.lr * velocity, (*kept, velocity)


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": partial(Momentum, nesterov=True),
    "adam": Adam,
    "adamw": AdamW,
    "rmsprop": RMSprop,
}


def optimizer(name: str, **settings: Any) -> Optimizer:
    """Return the optimizer of this name. Raises UserError for an unknown one or a setting out of range."""
    if name not in OPTIMIZERS:
        raise unknown("optimizer", name, OPTIMIZERS)
    return OPTIMIZERS[name](**settings)
