"""The host's optimizers as torch.optim's, at their fastest: what a training loop in PyTorch would use."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from gradsuite.optimizers import SGD, Adam, AdamW, Momentum, Optimizer, RMSprop, Slots
from torch import Tensor, nn

Settings = dict[str, Any]
Parameters = Mapping[str, Tensor]


def of_sgd(rule: Optimizer) -> Settings:
    """Return the settings of torch.optim.SGD."""
    return {"lr": rule.lr, "weight_decay": rule.weight_decay}


def of_momentum(rule: Momentum) -> Settings:
    """Return the settings of torch.optim.SGD with momentum."""
    return of_sgd(rule) | {"momentum": rule.momentum, "nesterov": rule.nesterov}


def of_adam(rule: Adam) -> Settings:
    """Return the settings of torch.optim.Adam or AdamW."""
    return of_sgd(rule) | {"betas": (rule.beta1, rule.beta2), "eps": rule.eps}


def of_rmsprop(rule: RMSprop) -> Settings:
    """Return the settings of torch.optim.RMSprop."""
    return of_sgd(rule) | {"alpha": rule.alpha, "eps": rule.eps, "momentum": rule.momentum, "centered": rule.centered}


class Kind(NamedTuple):
    """torch.optim's class, its settings, those of its fastest kernels, and the averages in the host's order."""

    make: type[torch.optim.Optimizer]
    settings: Callable[[Any], Settings]
    fastest: Settings
    averages: Callable[[Any], tuple[str, ...]]


FUSED = {"fused": True}
KINDS: dict[type[Optimizer], Kind] = {
    SGD: Kind(torch.optim.SGD, of_sgd, FUSED, lambda _: ()),
    Momentum: Kind(torch.optim.SGD, of_momentum, FUSED, lambda _: ("momentum_buffer",)),
    Adam: Kind(torch.optim.Adam, of_adam, FUSED, lambda _: ("exp_avg", "exp_avg_sq")),
    AdamW: Kind(torch.optim.AdamW, of_adam, FUSED, lambda _: ("exp_avg", "exp_avg_sq")),
    RMSprop: Kind(
        torch.optim.RMSprop,
        of_rmsprop,
        {"foreach": True},  # it has none that are fused
        lambda rule: rule.averages("square_avg", "grad_avg", "momentum_buffer"),
    ),
}


def can_be_torchs(rule: Optimizer) -> bool:
    """Return whether PyTorch has this rule, its clipping included.

    It has none by unit, and adds RMSprop's eps to the root.
    """
    inside = isinstance(rule, RMSprop) and rule.eps_in_sqrt
    return type(rule) in KINDS and rule.clip_unit is None and not inside


def of_torch(rule: Optimizer, parameters: Parameters, slots: Slots | None) -> tuple[torch.optim.Optimizer, Slots]:
    """Return torch.optim's optimizer, and slots that share its running averages: its steps keep them current."""
    kind = KINDS[type(rule)]
    made = kind.make(list(parameters.values()), **kind.settings(rule), **kind.fastest)
    steps, averages = slots or rule.start(parameters)
    shared = {name: tuple(average.detach().clone() for average in kept) for name, kept in averages.items()}
    for name, parameter in parameters.items():
        count = torch.full((), float(steps), device=parameter.device)
        made.state[parameter] = {"step": count} | dict(zip(kind.averages(rule), shared[name], strict=False))
    return made, (steps, shared)


def follow_rate(made: torch.optim.Optimizer, lr: float) -> None:
    """Set the learning rate, as torch.optim.lr_scheduler does."""
    for group in made.param_groups:
        group["lr"] = lr


def clip(rule: Optimizer, parameters: Parameters) -> None:
    """Clip the gradients of all parameters by norm and by value, where the rule has a limit."""
    if rule.clip_norm is not None:
        nn.utils.clip_grad_norm_(parameters.values(), rule.clip_norm)
    if rule.clip_value is not None:
        nn.utils.clip_grad_value_(parameters.values(), rule.clip_value)
