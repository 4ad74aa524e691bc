"""PyTorch's kernels for the host's optimizers: one call, or for RMSprop a few, moves all parameters in place.

They do the host's arithmetic (docs/optimizers-and-clipping.md) in float32 and float64. In half types they compute in
float32 and round once, where the host rounds after every operation; there the host's code runs.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from gradsuite.optimizers import SGD, Adam, AdamW, Momentum, Optimizer, RMSprop
from torch import Tensor

Tensors = list[Tensor] | tuple[Tensor, ...]
# Moves parameters by their gradients, and the running averages with them; the last argument counts steps from 1.
Kernel = Callable[[Any, Tensors, Tensors, Sequence[Tensors], int], None]


def descend(rule: SGD | Momentum, parameters: Tensors, gradients: Tensors, averages: Sequence[Tensors], _: int) -> None:
    """Move by SGD, with momentum if the rule has it."""
    momentum, nesterov = (rule.momentum, rule.nesterov) if isinstance(rule, Momentum) else (0.0, False)
    torch._fused_sgd_(
        parameters,
        gradients,
        averages[0] if averages else [],
        weight_decay=rule.weight_decay,
        momentum=momentum,
        lr=rule.lr,
        dampening=0.0,
        nesterov=nesterov,
        maximize=False,
        is_first_step=False,  # velocities start at zero
    )


def adapt(rule: Adam, parameters: Tensors, gradients: Tensors, averages: Sequence[Tensors], steps: int) -> None:
    """Move by Adam or AdamW."""
    kernel = torch._fused_adamw_ if isinstance(rule, AdamW) else torch._fused_adam_
    m, v = averages
    count = torch.full((), float(steps), device=parameters[0].device)
    kernel(
        parameters,
        gradients,
        m,
        v,
        [],  # no largest second moments: those are AMSGrad's
        [count] * len(parameters),
        lr=rule.lr,
        beta1=rule.beta1,
        beta2=rule.beta2,
        weight_decay=rule.weight_decay,
        eps=rule.eps,
        amsgrad=False,
        maximize=False,
    )


def normalise(rule: RMSprop, parameters: Tensors, gradients: Tensors, averages: Sequence[Tensors], _: int) -> None:
    """Move by RMSprop, for which PyTorch has no fused kernel: by those that run over a list of tensors."""
    if rule.weight_decay:
        gradients = torch._foreach_add(gradients, parameters, alpha=rule.weight_decay)
    squares = averages[0]
    torch._foreach_mul_(squares, rule.alpha)
    torch._foreach_addcmul_(squares, gradients, gradients, value=1 - rule.alpha)
    roots = torch._foreach_add(squares, rule.eps if rule.eps_in_sqrt else 0.0)
    if rule.centered:
        means = averages[1]
        torch._foreach_lerp_(means, gradients, 1 - rule.alpha)
        torch._foreach_addcmul_(roots, means, means, value=-1)
    torch._foreach_sqrt_(roots)
    if not rule.eps_in_sqrt:
        torch._foreach_add_(roots, rule.eps)
    if rule.momentum > 0:
        velocities = averages[-1]
        torch._foreach_mul_(velocities, rule.momentum)
        torch._foreach_addcdiv_(velocities, gradients, roots)
        torch._foreach_add_(parameters, velocities, alpha=-rule.lr)
    else:
        torch._foreach_addcdiv_(parameters, gradients, roots, value=-rule.lr)


# By the very class: one derived from it may compute something else.
KERNELS: dict[type[Optimizer], Kernel] = {
    SGD: descend,
    Momentum: descend,
    Adam: adapt,
    AdamW: adapt,
    RMSprop: normalise,
}
