"""One step of a cell, differentiated once: its operations forward and back, to be repeated for every step.

Autograd keeps account of each operation of each step, which takes longer than the operation itself where it has few
numbers. A step that does the same whatever its numbers are needs that account once.
"""

from collections.abc import Callable, Sequence
from itertools import takewhile
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from gradsuite.cells import Cell
from torch import Tensor
from torch.fx import Graph, Node

from gradsuite_torch.equations import Equations, Key
from gradsuite_torch.recorder import Recorder, Unrepeatable, behind, constant, function_of
from gradsuite_torch.trace import TIME

Values = tuple[Any, ...]
Nodes = Sequence[Node]


class Functions(NamedTuple):
    """A step as functions of tensors.

    `prepare(*parameters)` returns what is the same at every step. `forward(*fixed, *states, *now)` returns the states
    after the step, what it puts out unless that is the first of them, the rows that each product of states reads, and
    what `backward` needs; `now` is one step's part of the products of inputs, of the inputs, and of what is valid.
    `backward(*fixed, *kept, *gradients)`, by the states after and by what is put out, returns gradients by the states
    before, `now`, the products of states, the states where they are marked, and the parameters; None is zero.
    """

    prepare: Callable[..., Values]
    forward: Callable[..., Values]
    backward: Callable[..., Values]


class Program(NamedTuple):
    """The functions of a step, whether what it puts out is not the first state, and by what its products are."""

    step: Functions
    output_apart: bool
    of_inputs: Sequence[Key]
    of_states: Sequence[Key]


class Step(NamedTuple):
    """What one step reads: parameters and states, and the inputs; `valid` (..., B, 1) says which sequences go on."""

    p: SimpleNamespace
    x: Tensor
    state: tuple[Tensor, ...]
    valid: Tensor | None

    def results(self, cell: Cell, xp: Equations) -> tuple[tuple[Tensor, ...], bool]:
        """Return the states after the step and what it puts out, and whether that is not the first state itself."""
        after = xp.advance(cell, self.p, self.x, *self.state)
        output = cell.output(xp, self.p, self.x, *after)
        if self.valid is not None:
            after = tuple(torch.where(self.valid, new, old) for new, old in zip(after, self.state, strict=True))
        return (after, False) if output is after[0] else ((*after, output), True)


def program_of(
    cell: Cell, activation: str, p: SimpleNamespace, x: Tensor, state: Sequence[Tensor], *, padded: bool
) -> Program | None:
    """Return the program of a step that reads x (..., B, I) and states (..., B, H), or None if it has none.

    The step runs on numbers of its own, and the program must give what autograd gives, to the last bit.
    """
    step = Step(
        SimpleNamespace(**{name: leaf(value) for name, value in vars(p).items()}),
        leaf(numbers(x)),
        tuple(leaf(numbers(kind)) for kind in state),
        (torch.arange(x.shape[-2]) % 2 == 0).unsqueeze(-1) if padded else None,
    )
    with torch.enable_grad():
        first = Equations(activation, step.p, step.x.unsqueeze(TIME), recurrent=True)
        step._replace(x=first.sequence[0]).results(cell, first)
        xp = Equations(activation, step.p, step.x.unsqueeze(TIME), recurrent=True)
        xp.sequence = (step.x,)
        xp.of_inputs = {key: (leaf(z),) for key, (z,) in first.of_inputs.items()}
        try:
            return recorded(cell, xp, step)
        except Unrepeatable:
            return None


def recorded(cell: Cell, xp: Equations, step: Step) -> Program | None:
    """Return the program of a step whose products with the inputs xp holds. Raises Unrepeatable."""
    recorder = Recorder()
    parameters, valid = list(vars(step.p).values()), [] if step.valid is None else [step.valid]
    before = [*step.state, *(z for (z,) in xp.of_inputs.values()), step.x]
    changing = [*before, *valid]
    parameter_nodes, changing_nodes = recorder.take(parameters), recorder.take(changing)
    with recorder:
        results, output_apart = step.results(cell, xp)
    products = list(xp.products.values())
    rows = [x for one in products for x in one.rows]
    values = [value for one in products for value in one.values]
    marked = [value for name in cell.states for value in xp.marked[name]]
    by_results = [numbers(result) for result in results]
    by_nodes = recorder.take(by_results)
    with recorder:
        gradients = gradients_by([*before, *values, *marked, *parameters], results, by_results)
    gradients[len(before) : len(before)] = [None for _ in valid]
    answers = [*results, *rows]
    functions = split(
        recorder.graph,
        parameter_nodes,
        changing_nodes,
        by_nodes,
        recorder.nodes(answers),
        recorder.nodes(gradients),
    )
    fixed = functions.prepare(*parameters)
    found = functions.forward(*fixed, *changing)
    again = functions.backward(*fixed, *found[len(answers) :], *by_results)
    if not all(map(same, [*found[: len(answers)], *again], [*answers, *gradients])):
        return None
    of_states = [(one.weight, one.bias) for one in products for _ in one.rows]
    return Program(functions, output_apart, [xp.named(key) for key in xp.of_inputs], of_states)


def gradients_by(
    leaves: Sequence[Tensor], results: Sequence[Tensor], by_results: Sequence[Tensor]
) -> list[Tensor | None]:
    """Return gradients by the leaves; None by one that no result depends on."""
    pairs = [(result, by) for result, by in zip(results, by_results, strict=True) if result.requires_grad]
    outputs, by_outputs = zip(*pairs, strict=True)
    return list(torch.autograd.grad(outputs, leaves, by_outputs, allow_unused=True))


def split(
    graph: Graph,
    parameters: Nodes,
    changing: Nodes,
    by_results: Nodes,
    answers: Sequence[Node | None],
    gradients: Sequence[Node | None],
) -> Functions:
    """Return what was recorded as functions: what depends on parameters alone, the way ahead, and the way back."""
    constants = constant(graph, [*changing, *by_results])
    ahead = takewhile(lambda node: node is not by_results[0], graph.nodes)
    kept = [node for node in behind(gradients, [*ahead, *constants]).ends if node not in constants]
    begins = behind([*answers, *kept, *gradients], [*constants, *changing, *by_results]).ends
    fixed = [node for node in begins if node in constants]
    return Functions(
        function_of(parameters, fixed),
        function_of([*fixed, *changing], [*answers, *kept]),
        function_of([*fixed, *kept, *by_results], gradients),
    )


def numbers(like: Tensor) -> Tensor:
    """Return numbers of the same shape and type, none of them zero, the same ones each time."""
    return torch.randn(like.shape, dtype=like.dtype, generator=torch.Generator().manual_seed(0))


def leaf(tensor: Tensor) -> Tensor:
    """Return a tensor of these numbers by which gradients are taken."""
    return tensor.detach().requires_grad_()


def same(one: Tensor | None, other: Tensor | None) -> bool:
    """Return whether two tensors have the same numbers, NaN among them, or are both missing."""
    if one is None or other is None:
        return one is other
    return torch.allclose(one, other, rtol=0, atol=0, equal_nan=True)
