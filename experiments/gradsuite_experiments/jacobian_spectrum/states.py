"""Which states a Jacobian is of, and how it follows from gradients sent back through any cell."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from gradsuite.backend import Backend, Batch
from gradsuite.cells import Cell, find
from gradsuite.model import Model
from gradsuite.parameters import Parameters

from gradsuite_experiments.common.sweep import Flow, jacobians, reads_both, sweep

ENDS = 4  # steps that gradients start from where one is not enough: two give the states of a complex unit, four well
MEMORY = ("lstm", "coupled", "peephole")  # h is a function of c, unit by unit


class Product(NamedTuple):
    """A network's Jacobians by lag, (lags, states, states), its outputs, and what reading them off magnifies."""

    jacobians: np.ndarray
    outputs: np.ndarray
    condition: float


def ends(cell: str) -> int:
    """Return from how many steps gradients are sent back: one where those of the outputs at T are those of the states.

    They are not if an output reads several units, as behind a matrix or a normalisation.
    """
    found = find(cell)
    unit_by_unit = type(found).output is Cell.output and (len(found.states) == 1 or cell in MEMORY)
    return 1 if unit_by_unit else ENDS


def model_of(cell: str, activation: str, size: int) -> Model:
    """Return the model whose gradients show the Jacobian: of every step's output, if they start from several."""
    if ends(cell) > 1:
        every: dict[str, Any] = {"readout": "all", "output_size": size}
        return Model(cell, size, size, activation=activation, loss="inner_product", **every)
    return Model(cell, size, size, activation=activation, readout="none", loss="inner_product")


def products(
    backend: Backend, model: Model, networks: Sequence[Parameters], lags: int, *, device: str, dtype: str
) -> Iterator[Product]:
    """Yield each network's Jacobians of the state at T by those 0, 1, ... `lags` steps before, on one trajectory."""
    N, count = model.hidden_size, ends(model.cell)
    where: dict[str, Any] = {"device": device, "dtype": dtype}
    x = np.repeat(trajectory(lags + count, N), count * N, axis=1)
    if count == 1:
        for flow in sweep(backend, model, networks, Batch(x, np.eye(N)), **where):
            yield Product(jacobians(flow).astype(np.float64), flow.outputs, 1.0)
        return
    # Example e N + i sends back the gradient of output i at step T + e alone.
    targets = np.zeros((lags + count, count, N, N))
    for end in range(count):
        targets[lags + end, end] = np.eye(N)
    batch = Batch(x, len(x) * targets.reshape(len(x), count * N, N))  # the loss is a mean over the steps
    read = {"readout.weight": np.eye(N), "readout.bias": np.zeros(N)}
    for flow in sweep(backend, model, [network | read for network in networks], batch, **where):
        yield from_several(flow, lags, both=reads_both(model.cell))


def from_several(flow: Flow, lags: int, *, both: bool) -> Product:
    """Return the Jacobians of a state, or of both, by least squares from more gradients than there are states."""
    second = [] if flow.cell_states is None else [flow.cell_states[:, 0]]
    states = [flow.states[:, 0], *second] if both or not second else second
    gradients = np.concatenate(states, axis=-1).astype(np.float64)
    now, condition = gradients[lags], float(np.linalg.cond(gradients[lags]))
    return Product(np.linalg.pinv(now) @ gradients[lags::-1], flow.outputs, condition)


def trajectory(steps: int, size: int) -> np.ndarray:
    """Return the inputs of one trajectory, (steps, 1, N): all gradients are sent back along it."""
    return np.random.default_rng(0).standard_normal((steps, 1, size))
