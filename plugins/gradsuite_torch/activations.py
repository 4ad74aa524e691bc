"""Activations and their derivatives, the derivative written with the output: tanh' = 1 - h^2, sigma' = h (1 - h)."""

from collections.abc import Callable

import torch
from torch import Tensor

aten = torch.ops.aten


def activate(name: str, z: Tensor, out: Tensor) -> Tensor:
    """Set out = phi(z)."""
    return FUNCTIONS[name](z, out)


def pull_back(name: str, dh: Tensor, h: Tensor, out: Tensor) -> Tensor:
    """Set out = dh phi'(z), where h = phi(z); relu' is 0 at 0."""
    return DERIVATIVES[name](dh, h, out)


def sigmoid_slope(dh: Tensor, h: Tensor, out: Tensor) -> Tensor:
    """Set out = dh h (1 - h), for h = sigma(z)."""
    return aten.sigmoid_backward.grad_input(dh, h, grad_input=out)


def tanh_slope(dh: Tensor, h: Tensor, out: Tensor) -> Tensor:
    """Set out = dh (1 - h^2), for h = tanh(z)."""
    return aten.tanh_backward.grad_input(dh, h, grad_input=out)


def _relu_slope(dh: Tensor, h: Tensor, out: Tensor) -> Tensor:
    return aten.threshold_backward.grad_input(dh, h, 0, grad_input=out)


FUNCTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "tanh": lambda z, out: torch.tanh(z, out=out),
    "relu": lambda z, out: aten.relu.out(z, out=out),
    "sigmoid": lambda z, out: torch.sigmoid(z, out=out),
    "identity": lambda z, out: out.copy_(z),
}
DERIVATIVES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "tanh": tanh_slope,
    "relu": _relu_slope,
    "sigmoid": sigmoid_slope,
    "identity": lambda dh, h, out: out.copy_(dh),
}
