"""The first number that is not finite: whether data, forward pass, loss or backward pass, and in which module.

Every step leaves what the module was given and returned, and sums over its gradients; a step that is looked at leaves a
sum over the gradient by what it returned and one for every module inside it, too. On the CPU, arrays of a step that is
not looked at are only pointed at: they are there when it ends, or nobody can say. Elsewhere they are added up in time.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite
from typing import Any
from weakref import ref

import torch
from gradsuite.diagnosis.patient import Trouble
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from gradsuite_torch.watching.numbers import fetch, on_gradient, tensors

Kept = Tensor | ref[Tensor]


@dataclass(slots=True)
class Evidence:
    """What one step leaves: sums over arrays, each of which is finite only if all its numbers are, or arrays."""

    inputs: list[Kept] = field(default_factory=list)
    outputs: list[Kept] = field(default_factory=list)
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
        self.looking = False

    def hook(self) -> RemovableHandle:
        """Register what sees every step."""
        return self.module.register_forward_hook(self._forward, with_kwargs=True)

    def hooks_inside(self, parts: Iterable[tuple[str, nn.Module]]) -> list[RemovableHandle]:
        """Register what sees these modules inside on a step that is looked at, up to its end."""
        self.looking = True
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
        sums = evidence.gradient = [added(p.grad) for p in self.parameters if p.grad is not None]
        self.looking = False
        if sums and not sums[0].is_cpu:
            evidence.gradient = [torch.stack(sums).sum()]  # one number to wait for
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
        sick = self._sick_gradients()
        if len(sick) < len(self.parameters):
            return Trouble("backward", f"gradient by {sick[-1]}" if sick else "")
        known = evidence.by_outputs or evidence.loss  # and finite; if not, clipping may have spread what is not
        return Trouble("backward" if known else "loss or backward", "")

    def _forward_place(self, bad: str | None) -> str:
        """Return the first module whose outputs are not finite, and whether its parameters are not."""
        module = self.module if bad is None else getattr(self.module, "_orig_mod", self.module).get_submodule(bad)
        sick = [name for name, p in module.named_parameters() if not finite([added(p)])]
        said = "outputs of the module" if bad is None else f"outputs of {bad}"
        return f"{said}, whose {sick[0]} is not finite" if sick else said

    def _sick_gradients(self) -> list[str]:
        """Return the parameters whose gradient is not finite; the way back comes to the last of them first."""
        known = [(name, p.grad) for name, p in self.module.named_parameters() if p.grad is not None]
        return [name.removeprefix("_orig_mod.") for name, gradient in known if not finite([added(gradient)])]

    def _forward(self, module: nn.Module, args: Any, kwargs: Any, outputs: Any) -> None:
        if not module.training or not torch.is_grad_enabled():
            return
        evidence = self.evidence
        evidence.inputs += [self._kept(array) for array in tensors((args, kwargs))]
        for array in tensors(outputs):
            if array.dim() == 0:  # as Hugging Face's models return their loss
                evidence.loss.append(array.detach())
                continue
            evidence.outputs.append(self._kept(array))
            if self.looking and array.requires_grad:
                on_gradient(array, lambda gradient: evidence.by_outputs.append(added(gradient)))

    def _kept(self, array: Tensor) -> Kept:
        return ref(array) if array.is_cpu and not self.looking else added(array)

    def _inside(self, name: str, outputs: Any) -> None:
        if torch.is_grad_enabled():
            self.evidence.inside += [(name, added(array)) for array in tensors(outputs)]


def added(array: Tensor) -> Tensor:
    """Return the sum of all numbers of an array, in float32 at least."""
    array = array.detach()
    wide = array.dtype if array.dtype in (torch.float32, torch.float64) else torch.float32
    return array.sum(dtype=wide)


def finite(kept: Iterable[Kept]) -> bool:
    """Return whether all numbers are finite, or no longer there."""
    arrays = (one() if isinstance(one, ref) else one for one in kept)
    return all(isfinite((added(array) if array.dim() else array).item()) for array in arrays if array is not None)
