"""PyTorch as the namespace that a cell's equations are written over, for autograd to differentiate."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import NamedTuple

import torch
from array_api_compat import torch as array_api
from gradsuite.cells import Namespace
from torch import Tensor

from gradsuite_torch.products import weight_gradient
from gradsuite_torch.trace import TIME

FUNCTIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "identity": lambda z: z,
}
Key = tuple[str, str | None]  # the names of a weight and of the bias, if any, that is added to its products


class Products(NamedTuple):
    """The products of one weight with the rows of all steps, and the bias added to them, by the names of both.

    To autograd `w` and `b` are constants: gradients are taken by the `values`, and the weight's follows from all of
    them at once, where autograd would compute and add up one for each step.
    """

    weight: str
    bias: str | None
    w: Tensor
    b: Tensor | None
    rows: list[Tensor]
    values: list[Tensor]

    def named(self, name_of: Callable[[str], str]) -> "Products":
        """Return them with the names that the layer's parameters have in the network."""
        return self._replace(weight=name_of(self.weight), bias=None if self.bias is None else name_of(self.bias))

    def of(self, x: Tensor) -> Tensor:
        """Return the product with the rows of one more step."""
        value = differentiable(affine(x, self.w, self.b))
        self.rows.append(x)
        self.values.append(value)
        return value

    def gradients(self, by_values: Sequence[Tensor]) -> dict[str, Tensor]:
        """Return the gradients by weight and bias, from those by the values."""
        dz = torch.cat(list(by_values), -2)
        found = {self.weight: weight_gradient(dz, torch.cat([x.detach() for x in self.rows], -2))}
        return found if self.bias is None else found | {self.bias: dz.sum(-2)}


class Equations(Namespace):
    """PyTorch for the equations of one layer over all steps; its products with the inputs are computed at once."""

    def __init__(self, activation: str, p: SimpleNamespace, inputs: Tensor, *, recurrent: bool) -> None:
        """Take the layer's parameters and inputs, (..., T, B, I), or (..., B, I) if it is not recurrent."""
        super().__init__(array_api, FUNCTIONS, activation, self._mark)
        self._inputs = inputs
        self.sequence = inputs.unbind(TIME) if recurrent else (inputs,)
        self._recurrent = recurrent
        # Parameters live as long as this: their ids are theirs.
        self._names = {id(value): name for name, value in vars(p).items()}
        self.of_inputs: dict[tuple[int, int], tuple[Tensor, ...]] = {}
        self.products: dict[tuple[int, int], Products] = {}
        self.marked: defaultdict[str, list[Tensor]] = defaultdict(list)
        self.now = 0

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return x W^T + b."""
        if id(weight) not in self._names or not (bias is None or id(bias) in self._names):
            return affine(x, weight, bias)  # what a step computes is its own
        key = (id(weight), id(bias))
        if x is not self.sequence[self.now]:
            return self._of_states(key, x, weight, bias)
        if key not in self.of_inputs:
            self.of_inputs[key] = self._of_all_steps(weight, bias)
        return self.of_inputs[key][self.now]

    def gates(self, z: Tensor, count: int) -> Sequence[Tensor]:
        """Return the `count` equal blocks of the last axis of z, whose gradients autograd puts together at once.

        They are no views to autograd, which would keep account of each: nothing is written into them.
        """
        return torch.unsafe_chunk(z, count, -1)

    def named(self, key: tuple[int, int]) -> Key:
        """Return the names of a product's weight and bias."""
        return self._names[key[0]], self._names.get(key[1])

    def _of_states(self, key: tuple[int, int], x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if not self._recurrent or x.dim() != weight.dim():
            return affine(x, weight, bias)
        if key not in self.products:
            constants = weight.detach(), None if bias is None else bias.detach()
            self.products[key] = Products(*self.named(key), *constants, [], [])
        return self.products[key].of(x)

    def _of_all_steps(self, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, ...]:
        if not self._recurrent:
            return (affine(self._inputs, weight, bias),)
        return affine(self._inputs, over_time(weight), None if bias is None else over_time(bias)).unbind(TIME)

    def _mark(self, name: str, value: Tensor) -> Tensor:
        self.marked[name].append(value)
        return value


def affine(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return x W^T + b, both of one network or of a stack."""
    if weight.dim() == 2:
        return torch.nn.functional.linear(x, weight, bias)
    product = torch.matmul(x, weight.mT)
    return product if bias is None else product + bias


def over_time(parameter: Tensor) -> Tensor:
    """Return a parameter of a stack with an axis for time; one network's broadcasts without."""
    return parameter.unsqueeze(TIME) if parameter.dim() == 3 else parameter


def differentiable(tensor: Tensor) -> Tensor:
    """Return a tensor to differentiate by: itself, unless it depends on no parameter."""
    return tensor if tensor.requires_grad else tensor.detach().requires_grad_()
