"""jax.lax.scan and jax.grad: recurrent cells as JAX's users write them."""

from collections.abc import Mapping
from importlib.metadata import version

import jax
import jax.numpy as jnp
import numpy as np
from gradsuite.backend import Backend, BackendInfo
from gradsuite.cells import Namespace, find
from gradsuite.model import CELLS, Model
from gradsuite.schedule import Schedule

from gradsuite_peers.jax_network import ACTIVATIONS, JaxPeerNetwork

Weights = tuple[jax.Array, ...]
State = tuple[jax.Array, ...]


class JaxScan(Backend):
    """A scan over steps, differentiated by JAX."""

    name = "jax-scan"

    def describe(self) -> BackendInfo:
        """Return versions, devices, dtypes and cells."""
        return BackendInfo(
            name=self.name,
            versions={package: version(package) for package in ("jax", "jaxlib")},
            devices=("cpu",),
            dtypes=("float64", "float32"),
            cells=CELLS,
            state_gradients=(),
            features=("autodiff",),
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
        return JaxScanNetwork(model, parameters, device=device, dtype=dtype)


class JaxScanNetwork(JaxPeerNetwork):
    """Layers of scans."""

    def outputs(self, parameters: Mapping[str, jax.Array], inputs: jax.Array) -> jax.Array:
        """Return the network's outputs."""
        h = inputs
        for layer in range(self.model.num_layers):
            if self.model.cell not in CELLS:
                h = self.by_equations(h, parameters, layer)
            elif self.model.recurrent:
                h = self.scan(h, parameters, layer)
            else:
                z = h @ parameters[f"layers.{layer}.weight"].T + parameters[f"layers.{layer}.bias"]
                h = ACTIVATIONS[self.model.activation](z)
        if self.model.recurrent and self.model.readout != "all":
            h = h[-1]
        if self.model.readout == "none":
            return h
        return h @ parameters["readout.weight"].T + parameters["readout.bias"]

    def scan(self, x: jax.Array, parameters: Mapping[str, jax.Array], layer: int) -> jax.Array:
        """Return one layer's states (T, B, H)."""
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        weights = tuple(parameters[f"{kind}_l{layer}"] for kind in kinds)
        zeros = jnp.zeros((x.shape[1], self.model.hidden_size), x.dtype)
        start: State = (zeros, zeros) if self.model.cell == "lstm" else (zeros,)

        def step(state: State, x_t: jax.Array) -> tuple[State, jax.Array]:
            state = self.cell(state, x_t, weights)
            return state, state[0]

        _, states = jax.lax.scan(step, start, x)
        return states

    def by_equations(self, x: jax.Array, parameters: Mapping[str, jax.Array], layer: int) -> jax.Array:
        """Return one layer's outputs (T, B, H), or (B, H), of any registered cell."""
        cell = find(self.model.cell)
        p = self.model.of_layer(parameters, layer)
        xp = Namespace(jnp, ACTIVATIONS, self.model.activation, lambda _, value: value)
        if not cell.recurrent:
            return cell.output(xp, p, x, *xp.advance(cell, p, x))
        zeros = jnp.zeros((x.shape[1], self.model.hidden_size), x.dtype)

        def step(state: State, x_t: jax.Array) -> tuple[State, jax.Array]:
            state = xp.advance(cell, p, x_t, *state)
            return state, cell.output(xp, p, x_t, *state)

        return jax.lax.scan(step, (zeros,) * len(cell.states), x)[1]

    def cell(self, state: State, x: jax.Array, weights: Weights) -> State:
        """Return the state after one step."""
        W, U, b, d = weights
        h = state[0]
        if self.model.cell == "rnn":
            return (ACTIVATIONS[self.model.activation](x @ W.T + b + h @ U.T + d),)
        if self.model.cell == "lstm":
            i, f, g, o = jnp.split(x @ W.T + b + h @ U.T + d, 4, axis=-1)
            c = jax.nn.sigmoid(f) * state[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
            return jax.nn.sigmoid(o) * jnp.tanh(c), c
        r, z, n = jnp.split(x @ W.T + b, 3, axis=-1)
        r_h, z_h, n_h = jnp.split(h @ U.T + d, 3, axis=-1)
        r, z = jax.nn.sigmoid(r + r_h), jax.nn.sigmoid(z + z_h)
        return ((1 - z) * jnp.tanh(n + r * n_h) + z * h,)
