"""Losses and their gradients with respect to the outputs; each is a mean over the batch, and over time if outputs are.

`axes` is the number of axes of one network's outputs: 2 for (B, O), 3 for (T, B, O). One more axis in front is that of
a stack, each network of which has its own loss.
"""

from torch import Tensor
from torch.nn import functional


def loss(name: str, outputs: Tensor, targets: Tensor, axes: int) -> Tensor:
    """Return the loss: 0-d, or (S,) for a stack."""
    over = tuple(range(-axes, 0))
    if name == "mse":
        return (outputs - targets).square().mean(over)
    if name == "inner_product":
        return (targets * outputs).sum(-1).mean(over[1:])
    if outputs.dim() == axes:
        return functional.cross_entropy(outputs.flatten(0, -2), targets.flatten())
    classes = targets.expand(outputs.shape[:-1]).unsqueeze(-1)
    return -outputs.log_softmax(-1).gather(-1, classes).squeeze(-1).mean(over[1:])


def loss_gradient(name: str, outputs: Tensor, targets: Tensor, axes: int) -> Tensor:
    """Return dL/d(outputs)."""
    examples = outputs.shape[-axes:-1].numel()
    if name == "mse":
        return (outputs - targets) * (2 / (examples * outputs.shape[-1]))
    if name == "inner_product":
        return (targets / examples).expand(outputs.shape)
    classes = targets.expand(outputs.shape[:-1]).unsqueeze(-1)
    minus_one = outputs.new_full((1,) * classes.dim(), -1).expand(classes.shape)
    return outputs.softmax(-1).scatter_add(-1, classes, minus_one) / examples
