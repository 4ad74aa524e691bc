"""The first number that is not finite: whether data, forward pass, loss or backward pass, and in which module.

Every step leaves a few sums on the device: of what the module was given and returned, and of the gradient by that.
A step that is looked at leaves one for every module inside it, too.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from gradsuite.diagnosis.patient import Trouble
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from gradsuite_torch.watching.numbers import fetch, tensors, total


@dataclass(slots=True)
class Evidence:
    """What one step leaves: sums, and None where there was nothing to add up."""

    inputs: Tensor | None = None
    outputs: Tensor | None = None
    by_outputs: Tensor | None = None
    loss: Tensor | None = None
    gradient: Tensor | None = None
    inside: list[tuple[str, Tensor]] = field(default_factory=list)  # modules in the order in which they were done


class Finite:
    """Asks each step of a training whether its numbers are finite."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
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
        evidence.loss = evidence.loss if loss is None else loss
        gradients = [p.grad for p in self.module.parameters() if p.grad is not None and p.grad.layout == torch.strided]
        evidence.gradient = nn.utils.get_total_norm(gradients) if gradients else None
        if gradients and not gradients[0].is_cpu:
            evidence, self.before = self.before or Evidence(), evidence
        return self.judge(evidence)

    def last(self) -> Trouble | None:
        """Return the answer that is still out when a training ends."""
        evidence, self.before = self.before or Evidence(), None
        return self.judge(evidence)

    def judge(self, evidence: Evidence) -> Trouble | None:
        """Return what the evidence of one step says."""
        if finite(evidence.gradient) and finite(evidence.by_outputs) and finite(evidence.loss):
            return None
        if not finite(evidence.inputs):
            return Trouble("data", "what the module is given")
        sums = fetch(number for _, number in evidence.inside)
        bad = next((n for (n, _), s in zip(evidence.inside, sums, strict=True) if not abs(s) < float("inf")), None)
        if bad is not None or not finite(evidence.outputs):
            return Trouble("forward", self._forward_place(bad))
        if not finite(evidence.by_outputs) or not finite(evidence.loss):
            return Trouble("loss", "")
        return Trouble("backward", self._backward_place())

    def _forward_place(self, bad: str | None) -> str:
        """Return the first module whose outputs are not finite, and whether its parameters are not."""
        module = self.module if bad is None else getattr(self.module, "_orig_mod", self.module).get_submodule(bad)
        sick = [name for name, p in module.named_parameters() if not finite(total(p))]
        said = "outputs of the module" if bad is None else f"outputs of {bad}"
        return f"{said}, whose {sick[0]} is not finite" if sick else said

    def _backward_place(self) -> str:
        """Return the parameter nearest the outputs whose gradient is not finite: the way back comes there first."""
        sick = [name for name, p in self.module.named_parameters() if p.grad is not None and not finite(total(p.grad))]
        return f"gradient by {sick[-1].removeprefix('_orig_mod.')}" if sick else ""

    def _forward(self, module: nn.Module, args: Any, kwargs: Any, outputs: Any) -> None:
        if not module.training or not torch.is_grad_enabled():
            return
        self.evidence.inputs = total((args, kwargs))
        returned = list(tensors(outputs))
        losses = [array for array in returned if array.dim() == 0]  # as Hugging Face's models return theirs
        self.evidence.outputs = total([array for array in returned if array.dim() > 0])
        self.evidence.loss = total(losses)
        for array in returned:
            if array.requires_grad and array.dim() > 0:
                array.register_hook(self._arrived)

    def _arrived(self, gradient: Tensor) -> None:
        self.evidence.by_outputs = total([gradient, self.evidence.by_outputs])

    def _inside(self, name: str, outputs: Any) -> None:
        summed = total(outputs) if torch.is_grad_enabled() else None
        if summed is not None:
            self.evidence.inside.append((name, summed))


def finite(number: Tensor | None) -> bool:
    """Return whether a number is finite, or not known."""
    return number is None or bool(number.isfinite().all())
