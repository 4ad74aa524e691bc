"""What a gradient costs by formula: its matrix products, floating-point operations and bytes."""

from collections.abc import Iterator
from dataclasses import dataclass

from gradsuite.cells import Shape
from gradsuite.model import GATES, Model


@dataclass(frozen=True, slots=True)
class Product:
    """A matrix product (rows, inner) times (inner, columns), done `times` times one after the other."""

    rows: int
    inner: int
    columns: int
    times: int = 1

    @property
    def flops(self) -> int:
        """Multiplications and additions of all times together."""
        return 2 * self.rows * self.inner * self.columns * self.times

    @property
    def numbers(self) -> int:
        """Numbers read and written once each, all times together."""
        read = self.rows * self.inner + self.inner * self.columns
        return (read + self.rows * self.columns) * self.times


def products(model: Model, inputs: Shape) -> list[Product]:
    """Return the products of one loss and all its parameter gradients, for inputs (T, B, I) or (B, I).

    The least that backpropagation through time needs: input projections and weight gradients over all time steps at
    once, one product with W_hh a step forward and one backward. The first layer's inputs need no gradient.
    """
    layers = range(model.num_layers)
    found = [p for layer in layers for p in _layer(model, inputs, layer)]
    if model.readout != "none":
        rows = inputs[-2] * (inputs[0] if model.readout == "all" else 1)
        found += _linear(rows, model.hidden_size, model.output_size, gradient=True)
    return found


def flops(model: Model, inputs: Shape) -> int:
    """Return the floating-point operations of the products; what is elementwise is of lower order in the sizes."""
    return sum(product.flops for product in products(model, inputs))


def numbers(model: Model, inputs: Shape) -> int:
    """Return the numbers that the products read and write; times the dtype's bytes, the least memory traffic."""
    return sum(product.numbers for product in products(model, inputs))


def _layer(model: Model, inputs: Shape, layer: int) -> Iterator[Product]:
    width, hidden, size = model.layer_input_size(layer), model.hidden_size, inputs[-2]
    if not model.recurrent:
        yield from _linear(size, width, hidden, gradient=layer > 0)
        return
    steps, rows = inputs[0], GATES[model.cell] * hidden
    yield from _linear(steps * size, width, rows, gradient=layer > 0)
    yield Product(size, hidden, rows, times=steps)  # W_hh h_(t-1), forward
    yield Product(size, rows, hidden, times=steps)  # dL/dz_t W_hh, backward
    yield Product(rows, steps * size, hidden)  # dL/dW_hh


def _linear(rows: int, width: int, columns: int, *, gradient: bool) -> Iterator[Product]:
    yield Product(rows, width, columns)
    yield Product(columns, rows, width)  # dL/dW
    if gradient:
        yield Product(rows, columns, width)  # dL/dx
