"""The first number that is not finite: whether data, forward pass, loss or backward pass, and in which module.

Every step leaves a few sums on the device: of what the module was given and returned, and of the gradient by that.
A step that is looked at leaves one for every module inside it, too.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import torch
from gradsuite.diagnosis.patient import Trouble
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from gradsuite_torch.watching.numbers import fetch, on_gradient, tensors


@dataclass(slots=True)
class Evidence:
    """What one step leaves: sums over arrays, each of which is finite only if all its numbers are."""

    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    by_outputs: list[Tensor] = field(default_factory=list)
    loss: list[Tensor] = field(default_factory=list)
    gradient: list[Tensor] = field(default_factory=list)
    inside: list[tuple[str, Tensor]] = field(default_factory=list)  # modules in the order in which they were done


class Finite:
    """Asks each step of a training whether its numbers are finite."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.parameters = list(module.parameters())
        self.evidence = Evidence()
        self.before: Evidence | None = None

    def hook(self) -> RemovableHandle:
        """Register what sees every step."""
        return self.module.register_forward_hook(self._forward, with_kwargs=True)

    def hooks_inside(self, parts: Iterable[tuple[str, nn.Module]]) -> list[RemovableHandle]:
        """Register what sees these modules inside on a step that is looked at."""
        return [
            part.register_forward_hook(lambda _, __, outputs, name=name: self._inside(name, outputs))
            for name, part in parts
        ]

    def ask(self, loss: Tensor | None) -> Trouble | None:
        """Return where the first number of this step is that is not finite, or None.

        On a device that computes while Python goes on, the answer is that of the step before, so that nothing waits.
        """
        evidence, self.evidence = self.evidence, Evidence()
        if loss is not None:
            evidence.loss = [loss]
        sums = [added(p.grad) for p in self.parameters if p.grad is not None]
        evidence.gradient = [torch.stack(sums).sum()] if sums else []
        if sums and not sums[0].is_cpu:
            evidence, self.before = self.before or Evidence(), evidence
        return self.judge(evidence)

    def last(self) -> Trouble | None:
        """Return the answer that is still out when a training ends."""
        evidence, self.before = self.before or Evidence(), None
        return self.judge(evidence)

    def judge(self, evidence: Evidence) -> Trouble | None:
        """Return what the evidence of one step says."""
        if finite(evidence.gradient) and finite(evidence.loss):
            return None
        if not finite(evidence.inputs):
            return Trouble("data", "what the module is given")
        sums = fetch(number for _, number in evidence.inside)
        bad = next((n for (n, _), s in zip(evidence.inside, sums, strict=True) if not isfinite(s)), None)
        if bad is not None or not finite(evidence.outputs):
            return Trouble("forward", self._forward_place(bad))
        if not finite(evidence.by_outputs) or not finite(evidence.loss):
            return Trouble("loss", "")
        return Trouble("backward", self._backward_place())

    def _forward_place(self, bad: str | None) -> str:
        """Return the first module whose outputs are not finite, and whether its parameters are not."""
        module = self.module if bad is None else getattr(self.module, "_orig_mod", self.module).get_submodule(bad)
        sick = [name for name, p in module.named_parameters() if not finite([added(p)])]
        said = "outputs of the module" if bad is None else f"outputs of {bad}"
        return f"{said}, whose {sick[0]} is not finite" if sick else said

    def _backward_place(self) -> str:
        """Return the parameter nearest the outputs whose gradient is not finite: the way back comes there first."""
        known = [(name, p.grad) for name, p in self.module.named_parameters() if p.grad is not None]
        sick = [name for name, gradient in known if not finite([added(gradient)])]
        return f"gradient by {sick[-1].removeprefix('_orig_mod.')}" if sick else ""

    def _forward(self, module: nn.Module, args: Any, kwargs: Any, outputs: Any) -> None:
        if not module.training or not torch.is_grad_enabled():
            return
        evidence = self.evidence
        evidence.inputs += map(added, tensors((args, kwargs)))
        for array in tensors(outputs):
            if array.dim() == 0:  # as Hugging Face's models return their loss
                evidence.loss.append(array.detach())
                continue
            evidence.outputs.append(added(array))
            if array.requires_grad:
                on_gradient(array, lambda gradient: evidence.by_outputs.append(added(gradient)))

    def _inside(self, name: str, outputs: Any) -> None:
        if torch.is_grad_enabled():
            self.evidence.inside += [(name, added(array)) for array in tensors(outputs)]


def added(array: Tensor) -> Tensor:
    """Return the sum of all numbers of an array, in float32 at least."""
    array = array.detach()
    wide = array.dtype if array.dtype in (torch.float32, torch.float64) else torch.float32
    return array.sum(dtype=wide)


def finite(numbers: Iterable[Tensor]) -> bool:
    """Return whether all numbers are finite."""
    return all(isfinite(number.item()) for number in numbers)
