"""What the peers in JAX share: one jitted `jax.value_and_grad` of the loss, and one jitted step with Optax."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from gradsuite.backend import Batch, Gradients, Network, Tape
from gradsuite.model import Model
from gradsuite.optimizers import Optimizer, Slots

from gradsuite_peers import jax_optimizers
from gradsuite_peers.refusal import refuse_states

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "identity": lambda z: z,
}

# Without this float64 would silently be float32.
jax.config.update("jax_enable_x64", True)  # type: ignore[no-untyped-call]


class DeviceBatch(NamedTuple):
    """A batch on the device."""

    inputs: jax.Array
    targets: jax.Array


class JaxPeerNetwork(Network):
    """A network whose loss and gradients are one compiled program: forward runs it, backward returns its part."""

    def __init__(self, model: Model, parameters: Mapping[str, np.ndarray], *, device: str, dtype: str) -> None:
        on_device = {name: jnp.array(value, dtype) for name, value in parameters.items()}
        super().__init__(model, on_device, device=device, dtype=dtype)
        self.in_flight: Any = None  # the results of the last call
        self.differentiate = jax.value_and_grad(self.loss_and_outputs, has_aux=True)
        self.program = jax.jit(self.differentiate)
        self.update_program = jax.jit(jax_optimizers.apply, static_argnums=0)
        # As in a training loop, which has no use for the parameters before the step: their memory is used again.
        self.step_program = jax.jit(self.loss_and_following, static_argnums=0, donate_argnums=(2, 3))

    @abstractmethod
    def outputs(self, parameters: Mapping[str, jax.Array], inputs: jax.Array) -> jax.Array:
        """Return the network's outputs."""

    def loss_and_outputs(
        self, parameters: Mapping[str, jax.Array], inputs: jax.Array, targets: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Return the model's loss, and the outputs."""
        outputs = self.outputs(parameters, inputs)
        if self.model.loss == "mse":
            return jnp.mean((outputs - targets) ** 2), outputs
        if self.model.loss == "inner_product":
            return jnp.mean(jnp.sum(targets * outputs, -1)), outputs
        chosen = jnp.take_along_axis(jax.nn.log_softmax(outputs), targets[..., None], -1)
        return -jnp.mean(chosen), outputs

    def loss_and_following(
        self,
        optimizer: Optimizer,
        lr: jax.Array,
        parameters: Mapping[str, jax.Array],
        slots: Slots,
        batch: DeviceBatch,
    ) -> tuple[jax.Array, Mapping[str, jax.Array], Slots]:
        """Return the loss, and the parameters and slots after one step."""
        (loss, _), gradients = self.differentiate(parameters, *batch)
        return loss, *jax_optimizers.apply(optimizer, lr, parameters, gradients, slots)

    def put(self, batch: Batch) -> DeviceBatch:
        """Copy a host batch to the device."""
        classes = self.model.loss == "cross_entropy"
        return DeviceBatch(
            jnp.array(batch.inputs, self.dtype), jnp.array(batch.targets, "int32" if classes else self.dtype)
        )

    def forward(self, batch: DeviceBatch, *, states: bool = False) -> Tape:
        """Run the program."""
        refuse_states(states, "jax.grad")
        self.in_flight = (loss, outputs), gradients = self.program(self.parameters, *batch)
        return Tape(loss, outputs, gradients)

    def backward(self, tape: Tape) -> Gradients:
        """Return the gradients that the program computed."""
        gradients, tape.saved = tape.saved, None
        return Gradients(gradients)

    def update(self, gradients: Gradients, optimizer: Optimizer) -> None:
        """Replace the parameters with Optax's next ones, or with the host's for a rule that Optax lacks."""
        if not jax_optimizers.is_optaxs(optimizer):
            super().update(gradients, optimizer)
            return
        slots = self.started(optimizer)
        self.parameters, self.slots = self.update_program(
            optimizer.with_lr(1.0), float(optimizer.lr), self.parameters, gradients.parameters, slots
        )

    def step(self, batch: DeviceBatch, optimizer: Optimizer) -> jax.Array:
        """Take a step in one program, and return the loss before it."""
        if not jax_optimizers.is_optaxs(optimizer):
            host: jax.Array = super().step(batch, optimizer)
            return host
        slots = self.started(optimizer)
        loss, self.parameters, self.slots = self.step_program(
            optimizer.with_lr(1.0), float(optimizer.lr), self.parameters, slots, batch
        )
        self.in_flight = loss
        return loss

    def started(self, optimizer: Optimizer) -> Slots:
        """Return the slots, zeros on the device before the first step: each array its own, for steps donate them."""
        if self.slots is not None:
            return self.slots
        steps, averages = optimizer.start(self.parameters)
        return jnp.int32(steps), {name: tuple(map(jnp.copy, kept)) for name, kept in averages.items()}

    def fetch(self, array: Any) -> np.ndarray:
        """Copy an array to the host."""
        return np.array(array)

    def synchronize(self) -> None:
        """Wait until everything that has been started is done."""
        jax.block_until_ready((self.parameters, self.in_flight))  # type: ignore[no-untyped-call]
