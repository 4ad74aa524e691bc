"""How a batch reaches a module, and what its loss is."""

import inspect
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from gradsuite.diagnosis.patient import Question
from gradsuite.errors import UserError
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.loss import _Loss

TARGETS = ("target", "targets", "label", "labels", "y")  # what a batch that is a dict calls them


def output_of(module: nn.Module, batch: Any, question: Question) -> Any:
    """Return what a module makes of a batch.

    A dict is given by keywords, without the target unless the module takes it. Of a tuple, all is given but the last
    element, which is the target; and that too if the loss is a function and the module cannot do without.
    """
    if question.call is not None:
        return question.call(module, batch)
    if isinstance(batch, Mapping):
        return module(**{name: value for name, value in batch.items() if _takes(module, name)})
    if not isinstance(batch, tuple | list) or hasattr(batch, "batch_sizes"):
        return module(batch)
    own = callable(question.loss) and not isinstance(question.loss, _Loss)
    given = batch if own and not _binds(module, len(batch) - 1) else batch[:-1]
    return module(*given)


def loss_of(output: Any, batch: Any, question: Question) -> Tensor:
    """Return the loss. Raises UserError if it is no scalar that depends on the module, or if there is no target."""
    loss = question.loss
    if isinstance(loss, _Loss):
        value = _precise_loss(loss, output)(_prediction(output), _target(batch))
    elif callable(loss):
        value = loss(output, batch)
    elif loss == "mse":
        value = _mse(_prediction(output), _target(batch))
    else:
        value = _cross_entropy(_prediction(output), _target(batch))
    if not isinstance(value, Tensor) or value.numel() != 1 or not value.is_floating_point():
        raise UserError(f"the loss must be a tensor of one number, not {_kind(value)}")
    if not value.requires_grad:
        raise UserError("the loss depends on no parameter: was it computed under torch.no_grad, or detached?")
    return value.reshape(())


def _precise_loss(loss: _Loss, output: Any) -> nn.Module:
    """Return a loss with its weights, if it has any, in the output's dtype."""
    return deepcopy(loss).to(_prediction(output).dtype)


def _mse(output: Tensor, target: Tensor) -> Tensor:
    if output.shape == (*target.shape, 1):
        output = output.squeeze(-1)
    elif target.shape == (*output.shape, 1):
        target = target.squeeze(-1)
    if output.shape != target.shape:
        raise UserError(f"mse of outputs {tuple(output.shape)} needs targets of their shape, not {tuple(target.shape)}")
    return functional.mse_loss(output, target.to(output.dtype))


def _cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    """Return the mean over all targets; classes are the output's last axis, or its second as torch has it."""
    if target.is_floating_point():
        raise UserError("cross_entropy needs targets that are classes, whole numbers: for other numbers type mse")
    if output.shape[:-1] == target.shape:
        output, target = output.reshape(-1, output.shape[-1]), target.reshape(-1)
    elif (*output.shape[:1], *output.shape[2:]) != tuple(target.shape):
        raise UserError(f"cross_entropy of outputs {tuple(output.shape)} has no targets {tuple(target.shape)}")
    classes = output.shape[-1] if output.dim() == 2 else output.shape[1]
    if target.numel() and not 0 <= int(target.min()) <= int(target.max()) < classes:
        raise UserError(f"classes must be 0 to {classes - 1}, not {int(target.min())} to {int(target.max())}")
    return functional.cross_entropy(output, target.long())


def _prediction(output: Any) -> Tensor:
    """Return what a known loss compares with the target: the output, its first element, or its `logits`."""
    found = getattr(output, "logits", output)
    if isinstance(found, Mapping) and found:
        found = found.get("logits", next(iter(found.values())))
    while isinstance(found, tuple | list) and found:
        found = found[0]
    if not isinstance(found, Tensor):
        raise UserError(f"the module puts out {_kind(output)}: say what the loss is, as a function of output and batch")
    return found


def _target(batch: Any) -> Tensor:
    """Return the target in a batch. Raises UserError if there is none."""
    if isinstance(batch, Mapping):
        found = [batch[name] for name in TARGETS if name in batch]
        if len(found) != 1:
            raise UserError(
                f"a batch that is a dict needs one target for this loss, by one of the names {', '.join(TARGETS)}"
            )
        target = found[0]
    elif isinstance(batch, tuple | list) and len(batch) > 1 and not hasattr(batch, "batch_sizes"):
        target = batch[-1]
    else:
        raise UserError("this loss needs a target: give batches (inputs, target), or a loss that is a function")
    return torch.as_tensor(target)


def _signature(module: nn.Module) -> inspect.Signature:
    return inspect.signature(module.forward)


def _binds(module: nn.Module, count: int) -> bool:
    """Whether a module can be called with so many arguments."""
    try:
        _signature(module).bind(*[None] * count)
    except TypeError:
        return False
    return count > 0


def _takes(module: nn.Module, name: str) -> bool:
    parameters = _signature(module).parameters
    return name in parameters or (
        name not in TARGETS and any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    )


def _kind(value: Any) -> str:
    return f"a tensor {tuple(value.shape)} of {value.dtype}" if isinstance(value, Tensor) else type(value).__name__
