"""JAX for the equations of a cell: the array namespace they are written over, and its products with the inputs."""

from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
from gradsuite.cells import Namespace
from gradsuite.model import Model

from gradsuite_jax.activations import ACTIVATIONS

Array = jax.Array
FUNCTIONS: Mapping[str, Callable[[Array], Array]] = {name: phi.forward for name, phi in ACTIVATIONS.items()}


class Equations(Namespace):
    """JAX for the equations of one layer; its products with the inputs are given by `of_inputs`, in their order."""

    def __init__(
        self,
        activation: str,
        mark: Callable[[str, Array], Array],
        p: SimpleNamespace,
        x: Array,
        of_inputs: Callable[[Array, Array | None], Array],
    ) -> None:
        """Take the layer's parameters, the step's inputs x and what is called for each product of them."""
        super().__init__(jnp, FUNCTIONS, activation, mark)
        self._x, self._of_inputs = x, of_inputs
        self._own = {id(None), *map(id, vars(p).values())}

    def linear(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        """Return x W^T + b."""
        of_parameters = self._own.issuperset((id(weight), id(bias)))  # what a step computes may depend on its states
        return self._of_inputs(weight, bias) if x is self._x and of_parameters else affine(x, weight, bias)


def affine(x: Array, weight: Array, bias: Array | None) -> Array:
    """Return x W^T + b."""
    return product(x, weight) if bias is None else product(x, weight) + bias


@jax.custom_vjp
def product(x: Array, weight: Array) -> Array:
    """Return x W^T, with all axes in front as one.

    To sum a weight's gradient over two axes, XLA copies what it multiplies, transposed: 19 ms instead of 8 for 64 units
    and inputs over 4,096 steps of 8 sequences, on two cores. What backward needs is x as it came: kept as rows, it
    would be written once for each product that x is in.
    """
    return (rows(x) @ weight.T).reshape(*x.shape[:-1], len(weight))


def product_forward(x: Array, weight: Array) -> tuple[Array, tuple[Array, Array]]:
    """Return the product, and what backward needs."""
    return product(x, weight), (x, weight)


def product_backward(kept: tuple[Array, Array], d: Array) -> tuple[Array, Array]:
    """Return the gradients by x and by the weight."""
    x, weight = kept
    return (rows(d) @ weight).reshape(x.shape), rows(d).T @ rows(x)


product.defvjp(product_forward, product_backward)


def rows(x: Array) -> Array:
    """Return (N, I) of (..., I)."""
    return x.reshape(-1, x.shape[-1])


def plain(model: Model, p: Any, x: Array) -> Equations:
    """Return JAX for the equations of all steps at once."""
    return Equations(model.activation, lambda _, value: value, p, x, partial(affine, x))
