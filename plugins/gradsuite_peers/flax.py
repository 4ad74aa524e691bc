"""Flax's nnx modules and jax.grad. Its GRU has one bias where PyTorch's has two, so it is not among the cells."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from gradsuite.backend import Backend, BackendInfo
from gradsuite.model import Model
from gradsuite.schedule import Schedule

from gradsuite_peers.jax_network import ACTIVATIONS, JaxPeerNetwork

GATES = ("i", "f", "g", "o")


class Flax(Backend):
    """nnx.RNN over nnx's cells, and nnx.Linear."""

    name = "flax"

    def describe(self) -> BackendInfo:
        """Return versions, devices, dtypes and cells."""
        return BackendInfo(
            name=self.name,
            versions={package: version(package) for package in ("flax", "jax", "jaxlib")},
            devices=("cpu",),
            dtypes=("float64", "float32"),
            cells=("mlp", "rnn", "lstm"),
            state_gradients=(),
        )

    def build(
        self,
        model: Model,
        parameters: Mapping[str, np.ndarray],
        *,
        device: str = "cpu",
        dtype: str = "float32",
        schedule: Schedule = Schedule(),
    ) -> JaxPeerNetwork:
        """Put host parameters on the device."""
        self.require(model, parameters, device, dtype, schedule)
        return FlaxNetwork(model, parameters, device=device, dtype=dtype)


class FlaxNetwork(JaxPeerNetwork):
    """Modules whose parameters are made from PyTorch's, inside the function that JAX differentiates."""

    def __init__(self, model: Model, parameters: Mapping[str, np.ndarray], *, device: str, dtype: str) -> None:
        layers = nnx.List([make_layer(model, layer, dtype) for layer in range(model.num_layers)])
        self.definition, self.state = nnx.split(layers)
        super().__init__(model, parameters, device=device, dtype=dtype)

    def outputs(self, parameters: Mapping[str, jax.Array], inputs: jax.Array) -> jax.Array:
        """Return the network's outputs."""
        layers = nnx.merge(self.definition, self.state)
        h = inputs
        for index, layer in enumerate(layers):
            if self.model.recurrent:
                load(layer.cell, self.model.cell, parameters, index)
                zeros = jnp.zeros((h.shape[1], self.model.hidden_size), h.dtype)
                h = layer(h, initial_carry=(zeros, zeros) if self.model.cell == "lstm" else zeros, time_major=True)
            else:
                set_linear(layer, parameters[f"layers.{index}.weight"], parameters[f"layers.{index}.bias"])
                h = ACTIVATIONS[self.model.activation](layer(h))
        if self.model.recurrent and self.model.readout != "all":
            h = h[-1]
        if self.model.readout == "none":
            return h
        return h @ parameters["readout.weight"].T + parameters["readout.bias"]


def make_layer(model: Model, layer: int, dtype: str) -> Any:
    """Return the module of one layer."""
    sizes, kinds = (model.layer_input_size(layer), model.hidden_size), jnp.dtype(dtype)
    options: dict[str, Any] = {"dtype": kinds, "param_dtype": kinds, "rngs": nnx.Rngs(0)}
    if model.cell == "mlp":
        return nnx.Linear(*sizes, **options)
    if model.cell == "rnn":
        cell: Any = nnx.SimpleCell(*sizes, activation_fn=ACTIVATIONS[model.activation], **options)
    else:
        cell = nnx.LSTMCell(*sizes, **options)
    return nnx.RNN(cell)


def load(cell: Any, kind: str, parameters: Mapping[str, jax.Array], layer: int) -> None:
    """Set a recurrent cell's parameters: Flax adds one bias where PyTorch adds two."""
    W, U = parameters[f"weight_ih_l{layer}"], parameters[f"weight_hh_l{layer}"]
    bias = parameters[f"bias_ih_l{layer}"] + parameters[f"bias_hh_l{layer}"]
    if kind == "rnn":
        set_linear(cell.dense_i, W, bias)
        set_linear(cell.dense_h, U)
        return
    for gate, W_gate, U_gate, b_gate in zip(GATES, *(jnp.split(array, 4) for array in (W, U, bias)), strict=True):
        set_linear(getattr(cell, "if_" if gate == "f" else f"i{gate}"), W_gate)
        set_linear(getattr(cell, f"h{gate}"), U_gate, b_gate)


def set_linear(linear: Any, weight: jax.Array, bias: jax.Array | None = None) -> None:
    """Set a linear layer's kernel, PyTorch's weight transposed, and its bias."""
    linear.kernel = nnx.Param(weight.T)
    if bias is not None:
        linear.bias = nnx.Param(bias)
