"""What is compiled: forward, backward, update and the fused step, once for each model, shape and dtype.

The functions stand at module level with the model static, so that networks of the same shapes share one program.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
from gradsuite.model import Model
from gradsuite.optimizers import Optimizer, Slots

from gradsuite_jax import bptt, mlp

Array = jax.Array
Arrays = Mapping[str, Array]


def _method(model: Model) -> Any:
    return bptt if model.recurrent else mlp


@partial(jax.jit, static_argnums=0)
def forward(model: Model, parameters: Arrays, x: Array, targets: Array) -> tuple[Array, Array, Any]:
    """Return loss, outputs and what backward needs."""
    return _method(model).forward(model, parameters, x, targets)


@partial(jax.jit, static_argnums=0, static_argnames="states")
def backward(
    model: Model, parameters: Arrays, x: Array, targets: Array, y: Array, saved: Any, *, states: bool
) -> tuple[dict[str, Array], tuple[Array, ...] | None]:
    """Return the parameter gradients, and the state gradients by h and c if `states`."""
    return _method(model).backward(model, parameters, x, targets, y, saved, states=states)


@partial(jax.jit, static_argnums=0)
def start(optimizer: Optimizer, parameters: Arrays) -> Slots:
    """Return the optimizer's slots before the first step."""
    return optimizer.start(parameters)


@partial(jax.jit, static_argnums=0)
def update(optimizer: Optimizer, parameters: Arrays, gradients: Arrays, slots: Slots) -> tuple[Arrays, Slots]:
    """Return the optimizer's next parameters and slots."""
    return optimizer.apply(parameters, gradients, slots)


@partial(jax.jit, static_argnums=(0, 1))
def step(
    model: Model, optimizer: Optimizer, parameters: Arrays, slots: Slots, x: Array, targets: Array
) -> tuple[Array, Arrays, Slots]:
    """Return the loss, and the parameters and slots after one step down its gradient: all in one program."""
    loss, y, saved = forward(model, parameters, x, targets)
    gradients, _ = backward(model, parameters, x, targets, y, saved, states=False)
    return loss, *update(optimizer, parameters, gradients, slots)
