"""What is compiled: forward, backward, update and the fused step, once per plan, shape and dtype.

The functions are at module level and the plan is static, so that networks of the same shapes share one program.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
from gradsuite.model import CELLS, Model
from gradsuite.optimizers import Optimizer, Slots
from gradsuite.schedule import Schedule

from gradsuite_jax import autodiff, bptt, checkpoint, mlp, truncation
from gradsuite_jax.batch import DeviceBatch
from gradsuite_jax.bptt import Derivatives, Forward
from gradsuite_jax.compiling import program

Array = jax.Array
Arrays = Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a program depends on besides its arrays; `stacked`: parameters have a leading axis of networks."""

    model: Model
    schedule: Schedule
    stacked: bool

    def passes(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """Return the forward and backward pass to compile."""
        if self.schedule.truncation is not None:
            horizon = self.schedule.truncation
            return partial(truncation.forward, horizon, self.model), partial(truncation.backward, horizon, self.model)
        if self.schedule.checkpoint is not None:
            n = self.schedule.checkpoint
            return partial(checkpoint.forward, n, self.model), partial(checkpoint.backward, n, self.model)
        if self.model.cell not in CELLS:
            kind = self.schedule.scan or "loop"
            return partial(autodiff.forward, kind, self.model), partial(autodiff.backward, self.model)
        method = bptt if self.model.recurrent else mlp
        return partial(method.forward, self.model), partial(method.backward, self.model)

    def batch_axes(self, batch: DeviceBatch) -> DeviceBatch:
        """Return the axis of the networks in inputs and in targets: None where all networks share them."""
        rank = 3 if self.model.recurrent else 2
        own_targets = batch.targets.ndim > len(self.model.targets_shape(batch.inputs.shape[-rank:]))
        axes: tuple[Any, Any] = (0 if batch.inputs.ndim > rank else None, 0 if own_targets else None)
        return DeviceBatch(*axes)


@program(static_argnums=0)
def forward(plan: Plan, parameters: Arrays, batch: DeviceBatch) -> Forward:
    """Return loss, outputs, what backward needs, and the last states of a batch with a state."""
    run, _ = plan.passes()
    if plan.stacked:
        run = jax.vmap(run, in_axes=(0, plan.batch_axes(batch)))
    return run(parameters, batch)


@program(static_argnums=0, static_argnames="states")
def backward(plan: Plan, parameters: Arrays, batch: DeviceBatch, y: Array, saved: Any, *, states: bool) -> Derivatives:
    """Return the parameter gradients, dL/dh and dL/dc if `states`, and the gradients by a batch's state."""
    run = partial(plan.passes()[1], states=states)
    if plan.stacked:
        run = jax.vmap(run, in_axes=(0, plan.batch_axes(batch), 0, 0))
    return run(parameters, batch, y, saved)


@program(static_argnums=(0, 1))
def update(
    plan: Plan, optimizer: Optimizer, lr: Array, parameters: Arrays, gradients: Arrays, slots: Slots
) -> tuple[Arrays, Slots]:
    """Return the next parameters and slots, by the optimizer at the rate `lr`, whatever its own: one program for all.

    Each network of a stack is clipped by its own norm.
    """
    run = optimizer.with_lr(lr).apply
    if plan.stacked:
        run = jax.vmap(run, in_axes=(0, 0, (None, 0)), out_axes=(0, (None, 0)))
    return run(parameters, gradients, slots)


@program(static_argnums=(0, 1))
def step(
    plan: Plan, optimizer: Optimizer, lr: Array, parameters: Arrays, slots: Slots, batch: DeviceBatch
) -> tuple[Array, Arrays, Slots]:
    """Return the loss, and the parameters and slots after one step down its gradient: all in one program."""
    # The plain functions: a program within a program cannot have its own options.
    loss, y, saved, _ = forward.__wrapped__(plan, parameters, batch)
    gradients, *_ = backward.__wrapped__(plan, parameters, batch, y, saved, states=False)
    return loss, *update.__wrapped__(plan, optimizer, lr, parameters, gradients, slots)
