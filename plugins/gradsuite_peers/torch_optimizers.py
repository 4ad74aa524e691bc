"""The host's optimizers as torch.optim's, fused: what a training loop in PyTorch would use."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from gradsuite.optimizers import SGD, Adam, AdamW, Momentum, Optimizer, Slots
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


# torch.optim's class, its settings, and its names for the running averages in the host's order.
KINDS: dict[type[Optimizer], tuple[type[torch.optim.Optimizer], Callable[[Any], Settings], tuple[str, ...]]] = {
    SGD: (torch.optim.SGD, of_sgd, ()),
    Momentum: (torch.optim.SGD, of_momentum, ("momentum_buffer",)),
    Adam: (torch.optim.Adam, of_adam, ("exp_avg", "exp_avg_sq")),
    AdamW: (torch.optim.AdamW, of_adam, ("exp_avg", "exp_avg_sq")),
}


def can_be_torchs(rule: Optimizer) -> bool:
    """Return whether PyTorch has this rule, its clipping included; it has none by unit."""
    return type(rule) in KINDS and rule.clip_unit is None


def of_torch(rule: Optimizer, parameters: Parameters, slots: Slots | None) -> tuple[torch.optim.Optimizer, Slots]:
    """Return torch.optim's optimizer, and slots that share its running averages: its steps keep them current."""
    kind, settings, names = KINDS[type(rule)]
    made = kind(list(parameters.values()), fused=True, **settings(rule))  # type: ignore[call-arg]
    steps, averages = slots or rule.start(parameters)
    shared = {name: tuple(average.detach().clone() for average in kept) for name, kept in averages.items()}
    for name, parameter in parameters.items():
        count = torch.full((), float(steps), device=parameter.device)
        made.state[parameter] = {"step": count} | dict(zip(names, shared[name], strict=False))
    return made, (steps, shared)


def clip(rule: Optimizer, parameters: Parameters) -> None:
    """Clip the gradients of all parameters by norm and by value, where the rule has a limit."""
    if rule.clip_norm is not None:
        nn.utils.clip_grad_norm_(parameters.values(), rule.clip_norm)
    if rule.clip_value is not None:
        nn.utils.clip_grad_value_(parameters.values(), rule.clip_value)
