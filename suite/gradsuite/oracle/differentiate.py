"""The oracle's derivatives, by the complex step: dL/dx = Im L(x + i h) / h, exact to rounding for any tiny h.

Nothing is subtracted, so h may be so small that its square vanishes (Squire & Trapp 1998; Martins et al. 2003).
No backend's code is used, and none uses this.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from gradsuite.backend import STATE_GRADIENTS, Batch
from gradsuite.cells import find
from gradsuite.model import Model
from gradsuite.oracle.forward import Array, Run, Variables, losses, run

STEP = 1e-100  # between the smallest and the largest double: gradients from 1e-200 to 1e+90 are exact to rounding
AT_ONCE = 256  # directions differentiated in one forward pass
INITIAL = tuple(f"initial_{name}" for name in STATE_GRADIENTS)  # the states before the first step
OF_EXAMPLES = ("inputs", *STATE_GRADIENTS, *INITIAL)  # what each example has of its own, by their last axis but one

Truncation = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """What every backend should return: the loss, the outputs, and the gradients by parameters and states.

    Shapes are those of `backend.Gradients`; `cell_states` is None for cells of one state. `initial_state` and
    `last_state` are those of a batch with a state, empty without. `inputs` are the gradients by the inputs, which no
    backend returns, if they were asked for. All are real.
    """

    loss: Array
    outputs: Array
    parameters: Mapping[str, Array]
    states: Array
    cell_states: Array | None
    initial_state: tuple[Array, ...] = ()
    last_state: tuple[Array, ...] = ()
    inputs: Array | None = None


def differentiate(
    model: Model,
    parameters: Mapping[str, Array],
    batch: Batch,
    *,
    dtype: type[np.complexfloating] = np.complex128,
    truncation: Truncation | None = None,
    inputs: bool = False,
) -> Answer:
    """Return the loss, outputs and every gradient, with `inputs` those by the inputs too.

    `dtype` is the precision, np.clongdouble for more digits.

    With `truncation` (k1, k2), the losses of every k1 steps are backpropagated through at most k2 steps
    (Williams & Peng 1990). There is one forward pass per number to differentiate by, for inputs and states of all
    examples at once, so that this is for small models.
    """
    variables = _variables(model, parameters, batch, dtype)
    forward = _run(model, variables, batch)
    kinds = len(find(model.cell).states)
    wanted = [*parameters, *STATE_GRADIENTS[:kinds], *(INITIAL[:kinds] if batch.state is not None else ())]
    wanted += ["inputs"] if inputs else []
    gradients = {name: _gradient(model, variables, batch, name, truncation) for name in wanted}
    return Answer(
        loss=losses(model, forward.outputs, batch).sum().real,
        outputs=forward.outputs.real,
        parameters={name: gradients[name] for name in parameters},
        states=gradients["states"],
        cell_states=gradients.get("cell_states"),
        initial_state=tuple(gradients[name] for name in INITIAL if name in gradients),
        last_state=tuple(np.stack(layers).real for layers in forward.last) if batch.state is not None else (),
        inputs=gradients.get("inputs"),
    )


def slopes(model: Model, parameters: Mapping[str, Array], batch: Batch, name: str, directions: Array) -> Array:
    """Return the derivatives (K,) of the loss along K directions (K, ...) of one parameter, `inputs` or `states`."""
    return _slopes(model, _variables(model, parameters, batch, np.complex128), batch, name, directions, None)


def evaluate(model: Model, parameters: Mapping[str, Array], batch: Batch) -> tuple[Array, Array]:
    """Return the loss and the outputs alone, in one forward pass."""
    y = _run(model, _variables(model, parameters, batch, np.complex128), batch).outputs
    return losses(model, y, batch).sum(), y


def slopes_by_example(model: Model, parameters: Mapping[str, Array], batch: Batch, name: str, v: Array) -> Array:
    """Return each example's share (B,) in the derivative of the loss along one direction v, shaped as slopes' (...).

    Examples do not meet before the loss: with a v that moves another state in each, one pass gives the derivatives by
    B states.
    """
    return _shares(model, _variables(model, parameters, batch, np.complex128), batch, name, v, None)


def _run(model: Model, variables: Variables, batch: Batch, constant: int = 0) -> Run:
    """Run forward in one thread: the products are so small that BLAS's threads would wait for one another."""
    with _blas().limit(limits=1, user_api="blas"):
        return run(model, variables, batch, constant)


@cache
def _blas() -> Any:
    """Return the controller of BLAS's threads."""
    return ThreadpoolController()


def _variables(
    model: Model, parameters: Mapping[str, Array], batch: Batch, dtype: type[np.complexfloating]
) -> dict[str, Array]:
    precision = np.finfo(dtype).dtype
    batch = batch.without_padding(model)
    shape = model.states_shape(batch.inputs.shape)
    named = {**parameters, "inputs": batch.inputs, **dict.fromkeys(STATE_GRADIENTS, np.zeros(shape))}
    named |= dict.fromkeys(INITIAL, np.zeros(shape[-3:])) | dict(zip(INITIAL, batch.state or (), strict=False))
    return {name: np.asarray(array, precision) for name, array in named.items()}


def _gradient(model: Model, variables: Variables, batch: Batch, name: str, truncation: Truncation | None) -> Array:
    """Return dL/d(variable): the slopes along every unit vector."""
    variable = variables[name]
    if name in OF_EXAMPLES:
        return _gradient_by_example(model, variables, batch, name, truncation)
    parts = [
        _slopes(model, variables, batch, name, units, truncation)
        for units in _unit_vectors(variable.shape, variable.dtype)
    ]
    return np.concatenate(parts).reshape(variable.shape)


def _gradient_by_example(
    model: Model, variables: Variables, batch: Batch, name: str, truncation: Truncation | None
) -> Array:
    """Return dL/d(variable) of what each example has of its own.

    Examples do not meet before the loss: one pass moves the same number in all, and their shares are its B derivatives.
    """
    *places, size, width = variables[name].shape
    parts = [
        np.broadcast_to(_shares(model, variables, batch, name, units, truncation), (len(units), size))
        for units in _unit_vectors((*places, 1, width), variables[name].dtype)
    ]
    return np.concatenate(parts).reshape(*places, width, size).swapaxes(-1, -2)


def _unit_vectors(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Iterator[Array]:
    """Yield all unit vectors of a shape, at most AT_ONCE at a time (K, ...)."""
    size = prod(shape)
    for start in range(0, size, AT_ONCE):
        count = min(AT_ONCE, size - start)
        yield np.eye(count, size, start, dtype).reshape(count, *shape)


def _slopes(
    model: Model, variables: Variables, batch: Batch, name: str, directions: Array, truncation: Truncation | None
) -> Array:
    """Return the derivatives (K,) of the loss along K directions (K, ...) of a variable."""
    shares = _shares(model, variables, batch, name, directions, truncation)
    return np.broadcast_to(shares.sum(axis=-1), directions.shape[:1])


def _shares(
    model: Model, variables: Variables, batch: Batch, name: str, directions: Array, truncation: Truncation | None
) -> Array:
    """Return what each example adds to the derivatives, (..., B); `directions` need not have a leading axis."""
    moved = {**variables, name: variables[name] + 1j * variables[name].dtype.type(STEP) * directions}
    total: Array | int = 0
    for steps, constant in _windows(model, batch, truncation):
        shares = losses(model, _run(model, moved, batch, constant).outputs, batch).imag
        if model.readout == "all":
            shares = shares[..., steps, :].sum(axis=-2)
        elif truncation is not None:
            last = batch.valid.sum(axis=0) - 1  # where each sequence's only loss is
            shares = np.where((steps.start <= last) & (last < steps.stop), shares, 0)
        total = total + shares
    return total / variables[name].dtype.type(STEP)


def _windows(model: Model, batch: Batch, truncation: Truncation | None) -> Iterator[tuple[slice, int]]:
    """Yield the steps whose losses are backpropagated together, and how many states before them are constants.

    They are counted back from the last step of the batch, whatever the lengths of its sequences.
    """
    if truncation is None:
        yield slice(None), 0
        return
    k1, k2 = truncation
    for end in range(len(batch.inputs), 0, -k1):
        yield slice(max(end - k1, 0), end), max(end - k2, 0)
        if model.readout != "all" and batch.lengths is None:  # only the last step has a loss
            return
