"""Modules without a recurrent layer of torch's own: what they call step by step, or block by block."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from gradsuite.diagnosis.patient import Question, Traced, Trouble
from gradsuite.errors import UserError
from torch import Tensor, nn

from gradsuite_torch.diagnosis.asking import loss_of, output_of
from gradsuite_torch.diagnosis.copies import device_of, precise, tensors
from gradsuite_torch.diagnosis.swapping import host

STEPS = 3  # calls of one module in one pass from which they are steps


def traced(
    module: nn.Module,
    trained: frozenset[str],
    batches: Sequence[Any],
    question: Question,
    *,
    dtype: str,
    trouble: Trouble | None,
) -> Sequence[Traced]:
    """Return each cell that the module calls step by step, or else its blocks in their order.

    Raises UserError where there is neither.
    """
    batches = [precise(batch) if dtype == "float64" else batch for batch in batches]
    order = _order(module, batches[0], question)
    cells = _cells(module, order)
    blocks = () if cells else _blocks(module, order)
    if not cells and not blocks:
        raise UserError(
            f"{question.title} has no torch.nn.RNN, LSTM or GRU, calls no module step by step, and has no blocks in an "
            "nn.ModuleList or nn.Sequential"
        )
    groups = {name: (name,) for name in cells} if cells else {"blocks": blocks}
    seen = [
        _hear(module, [name for names in groups.values() for name in names], batch, question, trained)
        for batch in batches
    ]
    return [
        _one(group, names, seen, question, module, dtype, trouble, by_step=bool(cells))
        for group, names in groups.items()
    ]


class _Heard:
    """What was put out by some modules in one pass, by name and in order, and the gradients by it."""

    def __init__(self) -> None:
        self.outputs: list[tuple[str, Tensor]] = []
        self.gradients: list[Tensor | None] = []
        self.loss = 0.0
        self.norm = 0.0


def _order(module: nn.Module, batch: Any, question: Question) -> Counter[str]:
    """Return how often each module is called in one pass, in the order of their first calls."""
    calls: Counter[str] = Counter()
    hooks = [
        one.register_forward_pre_hook(lambda one, args, name=name: calls.update([name]))
        for name, one in module.named_modules()
        if name
    ]
    try:
        with torch.no_grad():
            output_of(module, batch, question)
    finally:
        for hook in hooks:
            hook.remove()
    return calls


def _cells(module: nn.Module, order: Counter[str]) -> tuple[str, ...]:
    """Return the modules that are called step by step: torch's cells, or else the outermost ones."""
    often = [name for name, count in order.items() if count >= STEPS]
    cells = [name for name in often if isinstance(module.get_submodule(name), nn.RNNCellBase)]
    outermost = [name for name in often if not any(name.startswith(f"{other}.") for other in often)]
    return tuple(cells or outermost[:1])


def _blocks(module: nn.Module, order: Counter[str]) -> tuple[str, ...]:
    """Return the members of the longest list or Sequential of modules that are called, at least two."""
    lists = [
        [f"{name}.{child}".lstrip(".") for child, _ in one.named_children()]
        for name, one in module.named_modules()
        if isinstance(one, nn.ModuleList | nn.Sequential)
    ]
    called = [tuple(name for name in order if name in names) for names in lists]
    longest = max(called, key=len, default=())
    return longest if len(longest) > 1 else ()


def _hear(module: nn.Module, names: Sequence[str], batch: Any, question: Question, trained: frozenset[str]) -> _Heard:
    heard = _Heard()

    def hearing(name: str) -> Any:
        def after(one: nn.Module, args: Any, output: Any) -> None:
            first = next((tensor for _, tensor in tensors(output) if tensor.requires_grad), None)
            if first is not None:
                heard.outputs.append((name, first))

        return after

    hooks = [module.get_submodule(name).register_forward_hook(hearing(name)) for name in names]
    try:
        with torch.enable_grad():
            loss = loss_of(output_of(module, batch, question), batch, question)
    finally:
        for hook in hooks:
            hook.remove()
    parameters = [one for name, one in module.named_parameters() if name in trained]
    wanted = [tensor for _, tensor in heard.outputs]
    found = torch.autograd.grad(loss, [*wanted, *parameters], allow_unused=True)
    heard.gradients = list(found[: len(wanted)])
    heard.loss = float(loss.detach())
    squares = [float(one.double().square().sum()) for one in found[len(wanted) :] if one is not None]
    heard.norm = sum(squares) ** 0.5
    return heard


def _one(
    group: str,
    names: Sequence[str],
    seen: Sequence[_Heard],
    question: Question,
    module: nn.Module,
    dtype: str,
    trouble: Trouble | None,
    *,
    by_step: bool,
) -> Traced:
    """Return one group's norms at every place, batches side by side."""
    columns = []
    for heard in seen:
        pairs = [
            (tensor, gradient)
            for (name, tensor), gradient in zip(heard.outputs, heard.gradients, strict=True)
            if name in names
        ]
        size = pairs[0][0].shape[0] if by_step else _size(pairs)
        columns.append([(_norms(a, size), _norms(torch.zeros_like(a) if b is None else b, size)) for a, b in pairs])
    places = max(map(len, columns))
    labels = (
        [str(number) for number in range(places)] if by_step else [name for name, _ in seen[0].outputs if name in names]
    )
    states, gradients = (
        np.concatenate([_column([pair[kind] for pair in column], places) for column in columns], axis=1)
        for kind in (0, 1)
    )
    return Traced(
        f"{group} of {question.title}",
        "time step" if by_step else "layer",
        tuple(labels),
        states,
        gradients,
        tuple(heard.loss for heard in seen),
        tuple(heard.norm for heard in seen),
        device="cuda" if device_of(module).type == "cuda" else "cpu",
        dtype=dtype,
        trouble=trouble,
    )


def _size(pairs: Sequence[tuple[Tensor, Tensor | None]]) -> int:
    return int(pairs[0][0].shape[0])


def _norms(array: Tensor, size: int) -> np.ndarray:
    """Return the norm over each example of an array whose batch comes first."""
    rows = host(array).reshape(size, -1)
    found: np.ndarray = np.linalg.norm(rows, axis=1)
    return found


def _column(norms: Sequence[np.ndarray], places: int) -> np.ndarray:
    """Return norms (P, B), NaN where a batch has fewer places."""
    empty = np.full(len(norms[0]), np.nan)
    return np.stack([*norms, *[empty] * (places - len(norms))])
