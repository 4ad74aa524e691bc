"""Networks of any registered cell: its equations, differentiated by PyTorch's autograd.

Of a cell that is linear in its state, only the states are computed step by step, and their backward pass is by hand.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from gradsuite.backend import Gradients, Tape
from gradsuite.cells import Linear, find
from gradsuite.model import Model
from torch import Tensor

from gradsuite_torch import recurrence, steps
from gradsuite_torch.equations import Equations, Products, differentiable, over_time
from gradsuite_torch.network import DeviceBatch, TorchNetwork
from gradsuite_torch.padding import Padding
from gradsuite_torch.program import Program, program_of
from gradsuite_torch.route import Route, beside
from gradsuite_torch.trace import TIME, States

Marked = Mapping[str, list[Tensor]]  # by state, its values in the order of time


class Saved(NamedTuple):
    """What the backward pass reads; `layers` holds the states of each, `hidden` those that the readout reads.

    `state` holds the states before the first step, if the batch has any; `products` are those of all layers.
    """

    batch: DeviceBatch
    parameters: Mapping[str, Tensor]
    layers: list[Marked]
    state: States
    hidden: Tensor
    outputs: Tensor
    states: bool
    products: list[Products]


class Layer(NamedTuple):
    """What one layer gives in one direction, in the order in which it reads.

    `marked` is what state gradients are taken by; `outputs` are those of all steps, or of each sequence's last one, and
    `after` are the states after it. `products` are those whose gradients are computed at once.
    """

    marked: Marked
    outputs: Tensor
    after: States
    products: Sequence[Products] = ()


class Autodiff(TorchNetwork):
    """A network of one cell, from its equations: one step after another, as they are written, or by a scan."""

    def __init__(
        self, model: Model, parameters: Mapping[str, Tensor], *, device: str, dtype: str, scan: str | None = None
    ) -> None:
        super().__init__(model, parameters, device=device, dtype=dtype)
        self.cell = find(model.cell)
        self.scan = scan
        self.scans = isinstance(self.cell, Linear) and scan != "loop"
        self._programs: dict[tuple[Any, ...], Program | None] = {}

    def forward(self, batch: DeviceBatch, *, states: bool = False) -> Tape:
        """Run all layers over all steps; autograd keeps what it needs."""
        parameters = {name: p.detach().requires_grad_() for name, p in self.parameters.items()}
        state = tuple(kind.detach().requires_grad_() for kind in batch.state or ())
        with torch.enable_grad():
            layers, hidden = self.unroll(batch, state, parameters, states=states)
        with torch.no_grad():
            outputs = self.readout.outputs(hidden, parameters, batch.padding)
            loss = self.readout.loss(outputs, batch.targets, batch.padding)
            after = [torch.stack([layer.after[k] for layer in layers]) for k in range(len(state))]
        saved = Saved(
            batch,
            parameters,
            [layer.marked for layer in layers],
            state,
            hidden,
            outputs,
            states,
            [products for layer in layers for products in layer.products],
        )
        return Tape(loss, outputs, saved, last_state=tuple(after) or None)

    def backward(self, tape: Tape) -> Gradients:
        """Run autograd back from the states that the readout reads, to parameters and, if asked for, states."""
        batch, parameters, layers, state, hidden, outputs, states, products = tape.saved
        tape.saved = None
        with torch.no_grad():
            gradient = self.readout.loss_gradient(outputs, batch.targets, batch.padding)
            gradient, of_readout = self.readout.pull_back(hidden, gradient, parameters)
        names = [name for name in parameters if name not in of_readout]
        kinds = self.cell.states if states else ()
        marked = [value for kind in kinds for layer in layers for value in layer[kind]]
        values = [value for one in products for value in one.values]
        wanted = [*(parameters[name] for name in names), *values, *state, *marked]
        each = iter(torch.autograd.grad(hidden, wanted, gradient.view_as(hidden), materialize_grads=True))
        by_name = {name: next(each) for name in names}
        for one in products:
            for name, by_product in one.gradients([next(each) for _ in one.values]).items():
                by_name[name] = by_name[name] + by_product
        initial = tuple(next(each) for _ in state) or None
        route = Route.of(self.model, batch)
        by_state = [self._stacked([[next(each) for _ in layer[kind]] for layer in layers], route) for kind in kinds]
        return Gradients(by_name | of_readout, *by_state, initial_state=initial)

    def unroll(
        self, batch: DeviceBatch, state: States, parameters: Mapping[str, Tensor], *, states: bool
    ) -> tuple[list[Layer], Tensor]:
        """Return what each layer gives in each direction, and what the readout reads."""
        model, route, x = self.model, Route.of(self.model, batch), batch.inputs
        found: list[Layer] = []
        for layer in range(model.num_layers):
            last = layer == model.num_layers - 1 and model.readout != "all"  # of which the last step alone is read
            for number in route.numbers(layer):
                p = model.of_layer(parameters, layer, reverse=route.backward(number), ahead=self.stacked)
                start = tuple(kind[number] for kind in state)
                one = self.one_layer(p, route.to_layer(x, number), start, batch.padding, last=last, states=states)
                name_of = partial(self.cell.name_of, layer=layer, reverse=route.backward(number))
                found.append(one._replace(products=[products.named(name_of) for products in one.products]))
            outputs = [one.outputs for one in found[-model.directions :]]
            if last and self.cell.recurrent:
                x = route.up_last(outputs, layer)
            else:
                x = beside(
                    [self.way_up(one, number, route) for one, number in zip(outputs, route.numbers(layer), strict=True)]
                )
        return found, x

    def one_layer(
        self, p: SimpleNamespace, x: Tensor, start: States, padding: Padding | None, *, last: bool, states: bool
    ) -> Layer:
        """Return what one layer gives in one direction, reading x; if asked for, to take state gradients by."""
        if not start and self.cell.recurrent:
            start = (x.new_zeros((*self._stack, x.shape[-2], self.model.hidden_size)),) * len(self.cell.states)
        if self.scans and isinstance(self.cell, Linear):
            return self.by_scan(self.cell, p, x, start, padding, last=last)
        program = self.program(p, x, start, padding)
        if program is not None:
            return self.by_program(program, p, x, start, padding, last=last, states=states)
        return self.by_loop(p, x, start, padding, last=last)

    def program(self, p: SimpleNamespace, x: Tensor, start: States, padding: Padding | None) -> Program | None:
        """Return the program of one step, if the cell has one; on a GPU it has not been measured."""
        if not self.cell.recurrent or not x.is_cpu:
            return None
        first = x.select(TIME, 0)
        key = first.shape, start[0].shape, padding is None
        if key not in self._programs:
            activation = self.model.activation
            self._programs[key] = program_of(self.cell, activation, p, first, start, padded=padding is not None)
        return self._programs[key]

    def by_program(
        self,
        program: Program,
        p: SimpleNamespace,
        x: Tensor,
        start: States,
        padding: Padding | None,
        *,
        last: bool,
        states: bool,
    ) -> Layer:
        """Repeat the program of one step; a state gradient is the derivative by a zero that is added to the state."""
        shape = (*self._stack, *x.shape[-3:-1], self.model.hidden_size)
        zeros = {name: x.new_zeros(()).expand(shape).requires_grad_() for name in self.cell.states if states}
        valid = None if padding is None else padding.valid.unsqueeze(-1)
        outputs, after = steps.run(program, p, x, start, valid, list(zeros.values()), last=last and padding is None)
        marked: Marked = {name: [zero] for name, zero in zeros.items()}
        return Layer(marked, padding.last(outputs) if last and padding is not None else outputs, after)

    def by_loop(self, p: SimpleNamespace, x: Tensor, state: States, padding: Padding | None, *, last: bool) -> Layer:
        """Run one layer step by step; past its length the states of a sequence stay as they are."""
        xp = Equations(self.model.activation, p, x, recurrent=self.cell.recurrent)
        top, valid = [], None if padding is None else padding.valid.unsqueeze(-1)
        for now, x_t in enumerate(xp.sequence):
            xp.now = now
            after = xp.advance(self.cell, p, x_t, *state)
            top.append(self.cell.output(xp, p, x_t, *after))
            if valid is not None:
                after = tuple(torch.where(valid[now], new, old) for new, old in zip(after, state, strict=True))
            state = after
        products = list(xp.products.values())
        if not self.cell.recurrent or (last and padding is None):
            return Layer(xp.marked, top[-1], state, products)
        outputs = torch.stack(top, TIME)
        return Layer(xp.marked, padding.last(outputs) if last and padding is not None else outputs, state, products)

    def by_scan(
        self, cell: Linear, p: SimpleNamespace, x: Tensor, start: States, padding: Padding | None, *, last: bool
    ) -> Layer:
        """Compute all but the states of one layer for all steps at once; past its length a is 1 and b is 0.

        A state gradient is the derivative by b, which is all that is added to a state.
        """
        p = SimpleNamespace(**{name: over_time(parameter) for name, parameter in vars(p).items()})
        xp = Equations(self.model.activation, p, x, recurrent=False)
        a, b = cell.coefficients(xp, p, x)
        shape = (*self._stack, *x.shape[-3:-1], self.model.hidden_size)
        a, b = tuple(map(partial(aligned, shape), a)), tuple(differentiable(part.expand(shape)) for part in b)
        marked: Marked = {name: [part] for name, part in zip(cell.states, b, strict=True)}
        if padding is not None:
            valid = padding.valid.unsqueeze(-1)
            a = tuple(torch.where(valid, part, k == 0) for k, part in enumerate(a))
            b = tuple(torch.where(valid, part, 0) for part in b)
        kind = self.scan or recurrence.fastest(shape[TIME], start[0].numel(), x.device.type)
        a, b = (tuple(part.movedim(TIME, 0) for part in parts) for parts in (a, b))
        h = [part.movedim(0, TIME) for part in recurrence.states(a, b, start, kind)]
        after = tuple(part.select(TIME, -1) for part in h)
        if last:
            x, *h = (part.narrow(TIME, -1, 1) if padding is None else padding.last(part) for part in (x, *h))
        outputs = cell.output(Equations(self.model.activation, p, x, recurrent=False), p, x, *h)
        return Layer(marked, outputs.select(TIME, -1) if last and padding is None else outputs, after)

    def way_up(self, outputs: Tensor, number: int, route: Route) -> Tensor:
        """Return what a layer puts out as the one above reads it: in the order of time, masked, zero in padding."""
        outputs = route.from_layer(outputs, number)
        if route.masks is not None:
            outputs = outputs * (route.masks[:, number] if self.cell.recurrent else route.masks[number])
        return outputs if route.padding is None else torch.where(route.padding.valid.unsqueeze(-1), outputs, 0)

    @property
    def _stack(self) -> tuple[int, ...]:
        return (len(next(iter(self._parameters.values()))),) if self.stacked else ()

    def _stacked(self, layers: list[list[Tensor]], route: Route) -> Tensor:
        """Return (..., T, layers, B, H), or (..., layers, B, H) of a cell that is not recurrent."""
        steps = self.cell.recurrent and layers[0][0].dim() == len(self._stack) + 2
        by_layer = [torch.stack(one, TIME) if steps else one[0] for one in layers]
        return torch.stack([route.from_layer(array, number) for number, array in enumerate(by_layer)], -3)


def aligned(shape: Sequence[int], a: Tensor) -> Tensor:
    """Return what broadcasts to this shape, with as many axes."""
    return a[(None,) * (len(shape) - a.dim())]
