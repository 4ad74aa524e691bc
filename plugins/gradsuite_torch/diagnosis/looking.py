"""One forward and backward pass of somebody's module, with what its recurrent layers did in it."""

from dataclasses import dataclass
from typing import Any

import torch
from gradsuite.diagnosis.patient import Question
from gradsuite.errors import UserError, one_line
from torch import Tensor, nn

from gradsuite_torch.diagnosis.asking import loss_of, output_of
from gradsuite_torch.diagnosis.calls import Call, heard
from gradsuite_torch.diagnosis.copies import tensors


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of one batch; gradients are None where the loss does not depend on a tensor.

    `by_outputs` and `by_last` are the loss's gradients by what each call of each layer put out, `by_parameter` those by
    all parameters, and `by_result` by the tensors in the module's own output.
    """

    output: Any
    loss: Tensor
    calls: dict[str, list[Call]]
    by_outputs: dict[str, list[Tensor | None]]
    by_last: dict[str, list[tuple[Tensor | None, ...]]]
    by_parameter: dict[str, Tensor | None]
    by_result: list[Tensor | None]

    @property
    def finite(self) -> bool:
        """Whether the loss and all gradients are finite."""
        every = [self.loss, *self.by_parameter.values(), *(one for kind in self.by_outputs.values() for one in kind)]
        return all(bool(one.isfinite().all()) for one in every if one is not None)

    def gradient_norm(self, names: frozenset[str]) -> float:
        """Return the norm over the gradients by these parameters."""
        squares = [
            one.double().square().sum() for name, one in self.by_parameter.items() if name in names and one is not None
        ]
        return float(torch.stack(squares).sum().sqrt()) if squares else 0.0


def look(module: nn.Module, batch: Any, question: Question) -> Look:
    """Run a module on a batch, and its loss backward. Raises UserError for what cannot be computed."""
    layers = {name: one for name, one in module.named_modules() if isinstance(one, nn.RNNBase)}
    try:
        with torch.enable_grad(), heard(module, layers) as calls:
            output = output_of(module, batch, question)
            loss = loss_of(output, batch, question)
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{question.title} cannot be computed on this batch: {one_line(error)[:180]}") from error
    return _differentiated(module, output, loss, calls)


def _differentiated(module: nn.Module, output: Any, loss: Tensor, calls: dict[str, list[Call]]) -> Look:
    every = [call for one in calls.values() for call in one]
    parameters = {name: one for name, one in module.named_parameters() if one.requires_grad}
    results = [tensor for _, tensor in tensors(output) if tensor.requires_grad]
    wanted = [*(call.reached for call in every), *(state for call in every for state in call.last)]
    wanted += [*parameters.values(), *results]
    known = [one for one in wanted if one.requires_grad]
    found = dict(zip(map(id, known), torch.autograd.grad(loss, known, allow_unused=True), strict=True))
    return Look(
        output,
        loss.detach(),
        calls,
        {name: [found.get(id(call.reached)) for call in one] for name, one in calls.items()},
        {name: [tuple(found.get(id(state)) for state in call.last) for call in one] for name, one in calls.items()},
        {name: found.get(id(one)) for name, one in parameters.items()},
        [found.get(id(one)) for one in results],
    )
