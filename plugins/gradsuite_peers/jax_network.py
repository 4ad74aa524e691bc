"""What the peers in JAX share: one jitted `jax.value_and_grad` of the loss."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from gradsuite.backend import Batch, Gradients, Network, Tape
from gradsuite.model import Model

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
        self.program = jax.jit(jax.value_and_grad(self.loss_and_outputs, has_aux=True))

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

    def fetch(self, array: Any) -> np.ndarray:
        """Copy an array to the host."""
        return np.array(array)

    def synchronize(self) -> None:
        """Wait until everything that has been started is done."""
        jax.block_until_ready((self.parameters, self.in_flight))  # type: ignore[no-untyped-call]
