"""Networks of any registered cell: its equations, differentiated by PyTorch's autograd."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import ClassVar, NamedTuple

import torch
from array_api_compat import torch as array_api
from gradsuite.backend import Gradients, Tape
from gradsuite.cells import Namespace, find
from torch import Tensor

from gradsuite_torch.network import DeviceBatch, TorchNetwork
from gradsuite_torch.trace import TIME

FUNCTIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "identity": lambda z: z,
}
Marked = Mapping[str, list[Tensor]]  # by state, its values in the order of time


class Equations(Namespace):
    """PyTorch for the equations of one layer over all steps; its products with the inputs are computed at once."""

    def __init__(self, activation: str, p: SimpleNamespace, inputs: Tensor, *, recurrent: bool) -> None:
        """Take the layer's parameters and inputs, (..., T, B, I), or (..., B, I) if it is not recurrent."""
        super().__init__(array_api, FUNCTIONS, activation, self._mark)
        self._inputs = inputs
        self.sequence = inputs.unbind(TIME) if recurrent else (inputs,)
        self._recurrent = recurrent
        self._own = {id(None), *map(id, vars(p).values())}  # parameters live as long as this: their ids are theirs
        self._products: dict[tuple[int, int], tuple[Tensor, ...]] = {}
        self.marked: defaultdict[str, list[Tensor]] = defaultdict(list)
        self.now = 0

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return x W^T + b."""
        key = (id(weight), id(bias))
        if x is not self.sequence[self.now] or not self._own.issuperset(key):  # what a step computes is its own
            return affine(x, weight, bias)
        if key not in self._products:
            self._products[key] = self._of_all_steps(weight, bias)
        return self._products[key][self.now]

    def _of_all_steps(self, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, ...]:
        if not self._recurrent:
            return (affine(self._inputs, weight, bias),)
        return affine(self._inputs, over_time(weight), None if bias is None else over_time(bias)).unbind(TIME)

    def _mark(self, name: str, value: Tensor) -> Tensor:
        self.marked[name].append(value)
        return value


class Saved(NamedTuple):
    """What the backward pass reads; `layers` holds the states of each, `hidden` those that the readout reads."""

    batch: DeviceBatch
    parameters: Mapping[str, Tensor]
    layers: list[Marked]
    hidden: Tensor
    outputs: Tensor
    states: bool


class Autodiff(TorchNetwork):
    """A network of one cell, from its equations; one step after another, as they are written."""

    batch_features: ClassVar[tuple[str, ...]] = ()

    def forward(self, batch: DeviceBatch, *, states: bool = False) -> Tape:
        """Run all layers over all steps; autograd keeps what it needs."""
        parameters = {name: p.detach().requires_grad_() for name, p in self.parameters.items()}
        with torch.enable_grad():
            layers, hidden = self.unroll(batch.inputs, parameters)
        with torch.no_grad():
            outputs = self.readout.outputs(hidden, parameters)
            loss = self.readout.loss(outputs, batch.targets)
        return Tape(loss, outputs, Saved(batch, parameters, layers, hidden, outputs, states))

    def backward(self, tape: Tape) -> Gradients:
        """Run autograd back from the states that the readout reads, to parameters and, if asked for, states."""
        batch, parameters, layers, hidden, outputs, states = tape.saved
        tape.saved = None
        with torch.no_grad():
            gradient = self.readout.loss_gradient(outputs, batch.targets)
            gradient, of_readout = self.readout.pull_back(hidden, gradient, parameters)
        names = [name for name in parameters if name not in of_readout]
        kinds = find(self.model.cell).states if states else ()
        marked = [value for kind in kinds for layer in layers for value in layer[kind]]
        wanted = [*(parameters[name] for name in names), *marked]
        found = torch.autograd.grad(hidden, wanted, gradient.view_as(hidden), materialize_grads=True)
        by_name = dict(zip(names, found, strict=False))
        each = iter(found[len(names) :])
        by_state = [self._stacked([[next(each) for _ in layer[kind]] for layer in layers]) for kind in kinds]
        return Gradients(by_name | of_readout, *by_state)

    def unroll(self, x: Tensor, parameters: Mapping[str, Tensor]) -> tuple[list[Marked], Tensor]:
        """Return the states of each layer, and those of the top layer that the readout reads."""
        model, cell = self.model, find(self.model.cell)
        layers: list[Marked] = []
        for layer in range(model.num_layers):
            p = model.of_layer(parameters, layer, ahead=self.stacked)
            xp = Equations(model.activation, p, x, recurrent=cell.recurrent)
            stack = (len(next(iter(parameters.values()))),) if self.stacked else ()
            zeros = x.new_zeros((*stack, x.shape[-2], model.hidden_size))
            state, top = (zeros,) * len(cell.states) if cell.recurrent else (), []
            for now, x_t in enumerate(xp.sequence):
                xp.now = now
                state = xp.advance(cell, p, x_t, *state)
                top.append(cell.output(xp, p, x_t, *state))
            layers.append(xp.marked)
            x = torch.stack(top, TIME) if cell.recurrent else top[0]
        return layers, x if model.readout == "all" else top[-1]

    def _stacked(self, layers: list[list[Tensor]]) -> Tensor:
        """Return (..., T, layers, B, H), or (..., layers, B, H) of a cell that is not recurrent."""
        steps = [torch.stack(values, -3) for values in zip(*layers, strict=True)]
        return torch.stack(steps, -4) if self.model.recurrent else steps[0]


def affine(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return x W^T + b, both of one network or of a stack."""
    if weight.dim() == 2:
        return torch.nn.functional.linear(x, weight, bias)
    product = torch.matmul(x, weight.mT)
    return product if bias is None else product + bias


def over_time(parameter: Tensor) -> Tensor:
    """Return a parameter of a stack with an axis for time; one network's broadcasts without."""
    return parameter.unsqueeze(TIME) if parameter.dim() == 3 else parameter
