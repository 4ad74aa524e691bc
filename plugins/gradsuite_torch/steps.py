"""All steps of a layer as one operation of autograd, forward and back by the program of a single step."""

from collections.abc import Iterator, Sequence
from itertools import islice
from types import SimpleNamespace
from typing import Any, TypeVar

import torch
from torch import Tensor

from gradsuite_torch.equations import affine, over_time
from gradsuite_torch.products import weight_gradient
from gradsuite_torch.program import Program
from gradsuite_torch.trace import TIME, States

Part = TypeVar("Part")


def run(
    program: Program,
    p: SimpleNamespace,
    x: Tensor,
    start: States,
    valid: Tensor | None,
    zeros: Sequence[Tensor],
    *,
    last: bool,
) -> tuple[Tensor, States]:
    """Return what a layer puts out, at all steps or at the `last`, and the states after them.

    Gradients by the `zeros` (T, B, H), which are not read, are those by the cell's states; there may be none.
    """
    products = [
        affine(x, over_time(getattr(p, weight)), None if bias is None else over_time(getattr(p, bias)))
        for weight, bias in program.of_inputs
    ]
    sequences = [*products, x, *([] if valid is None else [valid])]
    sizes = len(vars(p)), len(start), len(sequences)
    tensors = *vars(p).values(), *start, *sequences, *zeros
    outputs, *after = Steps.apply(program, [*vars(p)], sizes, last, *tensors)  # type: ignore[no-untyped-call]
    return outputs, tuple(after)


class Steps(torch.autograd.Function):
    """A program repeated, as one operation."""

    @staticmethod
    def forward(
        ctx: Any, program: Program, names: Sequence[str], sizes: Sequence[int], last: bool, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        """Run all steps, and keep what the way back needs of each."""
        parameters, states, sequences, zeros = parts(tensors, sizes)
        ctx.program, ctx.names, ctx.last, ctx.marked = program, names, last, bool(zeros)
        # In one piece: products with a transposed weight take a third longer, T times.
        ctx.fixed = [part.contiguous() for part in program.step.prepare(*parameters)]
        ctx.rows, ctx.kept = [], []
        outputs: list[Tensor] = []
        found_sizes = len(states), program.output_apart, len(program.of_states)
        for now in zip(*(sequence.unbind(TIME) for sequence in sequences), strict=True):
            states, output, rows, kept = parts(program.step.forward(*ctx.fixed, *states, *now), found_sizes)
            outputs += output or states[:1]
            ctx.rows.append(rows)
            ctx.kept.append(kept)
        ctx.sizes = len(states), len(sequences), len(program.of_states), len(states)
        # Copies, for autograd ties what is returned to this operation, which would be tied to itself.
        return outputs[-1].clone() if last else torch.stack(outputs, TIME), *(state.clone() for state in states)

    @staticmethod
    def backward(ctx: Any, by_outputs: Tensor, *by_states: Tensor) -> tuple[Any, ...]:
        """Run all steps back; sum gradients by parameters, those of products in the end."""
        program: Program = ctx.program
        by_output = [*(None for _ in ctx.kept[1:]), by_outputs] if ctx.last else list(by_outputs.unbind(TIME))
        by_parameters: Sequence[Tensor | None] = [None] * len(ctx.names)
        steps = []
        while ctx.kept:
            arrived = arriving(program, by_states, by_output.pop())
            found = program.step.backward(*ctx.fixed, *ctx.kept.pop(), *arrived)
            before, now, products, marks, more = parts(found, ctx.sizes)
            by_states = tuple(
                torch.zeros_like(after) if by is None else by for by, after in zip(before, by_states, strict=True)
            )
            by_parameters = [*map(added, by_parameters, more)]
            steps.append((now, products, marks if ctx.marked else ()))
        nows, by_products, by_marks = (list(zip(*kind, strict=True)) for kind in zip(*reversed(steps), strict=True))
        gradients, stacked = dict(zip(ctx.names, by_parameters, strict=True)), Stacked()
        for (weight, bias), dz, rows in zip(program.of_states, by_products, zip(*ctx.rows, strict=True), strict=True):
            flat = stacked(dz).flatten(TIME, -2)
            gradients[weight] = added(gradients[weight], weight_gradient(flat, stacked(rows).flatten(TIME, -2)))
            if bias is not None:
                # A vector of a stack has an axis for the batch.
                gradients[bias] = added(gradients[bias], flat.sum(-2, keepdim=flat.dim() > 2))
        by_step = [None if each[0] is None else stacked(each) for each in (*nows, *by_marks)]
        return *(None,) * 4, *gradients.values(), *by_states, *by_step


class Stacked:
    """What each step has, as (T, B, .): one tensor where several are asked for that are the same."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], Tensor] = {}

    def __call__(self, each: Sequence[Tensor]) -> Tensor:
        """Return them over time. They live as long as this: their ids are theirs."""
        key = tuple(map(id, each))
        if key not in self._known:
            self._known[key] = torch.stack([*each], TIME)
        return self._known[key]


def arriving(program: Program, by_states: Sequence[Tensor], by_output: Tensor | None) -> Sequence[Tensor]:
    """Return what a step's way back begins with, of what comes from the next step and from what the step put out."""
    first, *others = by_states
    if program.output_apart:
        return first, *others, torch.zeros_like(first) if by_output is None else by_output
    return first if by_output is None else first + by_output, *others


def added(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    """Return the sum of two gradients; None is zero."""
    return (other if one is None else one) if one is None or other is None else one + other


def parts(values: Sequence[Part], sizes: Sequence[int]) -> Iterator[tuple[Part, ...]]:
    """Return values in parts of these sizes, and the rest."""
    each = iter(values)
    yield from (tuple(islice(each, size)) for size in sizes)
    yield tuple(each)
