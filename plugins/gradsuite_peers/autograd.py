"""HIPS autograd: NumPy code, differentiated as it runs (Maclaurin, Duvenaud & Adams 2015)."""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd import make_vjp
from autograd.scipy.special import logsumexp
from autograd.tracer import getval
from gradsuite.backend import Backend, BackendInfo, Batch, Gradients, Network, Tape
from gradsuite.cells import Namespace, State, find
from gradsuite.model import CELLS, Model
from gradsuite.schedule import Schedule

from gradsuite_peers.refusal import refuse_states

Array = Any  # NumPy's, or autograd's box around one
Parameters = Mapping[str, Array]


class Autograd(Backend):
    """A loop in NumPy under autograd."""

    name = "autograd"

    def describe(self) -> BackendInfo:
        """Return versions, devices, dtypes and cells."""
        return BackendInfo(
            name=self.name,
            versions={package: version(package) for package in ("autograd", "numpy")},
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
    ) -> Network:
        """Copy host parameters."""
        self.require(model, parameters, device, dtype, schedule)
        return AutogradNetwork(model, parameters, device=device, dtype=dtype)


class AutogradNetwork(Network):
    """A network of NumPy functions."""

    def __init__(self, model: Model, parameters: Mapping[str, np.ndarray], *, device: str, dtype: str) -> None:
        copies = {name: np.array(value, dtype) for name, value in parameters.items()}
        super().__init__(model, copies, device=device, dtype=dtype)

    def put(self, batch: Batch) -> Batch:
        """Copy a batch, floats in this network's dtype."""
        classes = self.model.loss == "cross_entropy"
        return Batch(np.array(batch.inputs, self.dtype), np.array(batch.targets, "int64" if classes else self.dtype))

    def fetch(self, array: Array) -> np.ndarray:
        """Copy an array."""
        return np.array(array)

    def forward(self, batch: Batch, *, states: bool = False) -> Tape:
        """Run the network and record it."""
        refuse_states(states, "autograd")
        seen = []

        def loss(parameters: Parameters) -> Array:
            outputs = self.outputs(parameters, batch.inputs)
            seen.append(getval(outputs))
            return self.loss(outputs, batch.targets)

        pull_back, value = make_vjp(loss)(dict(self.parameters))
        return Tape(value, seen[0], pull_back)

    def backward(self, tape: Tape) -> Gradients:
        """Go back through the record."""
        pull_back, tape.saved = tape.saved, None
        return Gradients(pull_back(np.ones((), self.dtype)))

    def loss(self, outputs: Array, targets: np.ndarray) -> Array:
        """Return the model's loss."""
        if self.model.loss == "mse":
            return anp.mean((outputs - targets) ** 2)
        if self.model.loss == "inner_product":
            return anp.mean(anp.sum(targets * outputs, -1))
        flat, classes = anp.reshape(outputs, (-1, outputs.shape[-1])), targets.ravel()
        return anp.mean(logsumexp(flat, axis=-1) - flat[np.arange(len(classes)), classes])

    def outputs(self, parameters: Parameters, inputs: np.ndarray) -> Array:
        """Return the network's outputs."""
        sequence: list[Array] = list(inputs) if self.model.recurrent else [inputs]
        for layer in range(self.model.num_layers):
            if self.model.cell not in CELLS:
                sequence = self.by_equations(sequence, parameters, layer)
            elif self.model.recurrent:
                sequence = self.unroll(sequence, parameters, layer)
            else:
                z = anp.dot(sequence[0], parameters[f"layers.{layer}.weight"].T) + parameters[f"layers.{layer}.bias"]
                sequence = [ACTIVATIONS[self.model.activation](z)]
        h = anp.stack(sequence) if self.model.readout == "all" else sequence[-1]
        if self.model.readout == "none":
            return h
        return anp.dot(h, parameters["readout.weight"].T) + parameters["readout.bias"]

    def unroll(self, sequence: list[Array], parameters: Parameters, layer: int) -> list[Array]:
        """Return one layer's states, step by step."""
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        weights = [parameters[f"{kind}_l{layer}"] for kind in kinds]
        h = c = np.zeros((len(sequence[0]), self.model.hidden_size), self.dtype)
        states = []
        for x in sequence:
            h, c = self.cell(x, h, c, weights)
            states.append(h)
        return states

    def by_equations(self, sequence: list[Array], parameters: Parameters, layer: int) -> list[Array]:
        """Return one layer's outputs, step by step, of any registered cell."""
        cell = find(self.model.cell)
        p = self.model.of_layer(parameters, layer)
        xp = Equations(anp, ACTIVATIONS, self.model.activation, lambda _, value: value)
        zeros = np.zeros((len(sequence[0]), self.model.hidden_size), self.dtype)
        state: State = (zeros,) * len(cell.states) if cell.recurrent else ()
        outputs = []
        for x in sequence:
            state = xp.advance(cell, p, x, *state)
            outputs.append(cell.output(xp, p, x, *state))
        return outputs

    def cell(self, x: Array, h: Array, c: Array, weights: list[Array]) -> tuple[Array, Array]:
        """Return h and c after one step."""
        W, U, b, d = weights
        by_x, by_h = anp.dot(x, W.T) + b, anp.dot(h, U.T) + d
        if self.model.cell == "rnn":
            return ACTIVATIONS[self.model.activation](by_x + by_h), c
        if self.model.cell == "lstm":
            i, f, g, o = anp.split(by_x + by_h, 4, axis=-1)
            c = sigmoid(f) * c + sigmoid(i) * anp.tanh(g)
            return sigmoid(o) * anp.tanh(c), c
        (r, z, n), (r_h, z_h, n_h) = anp.split(by_x, 3, axis=-1), anp.split(by_h, 3, axis=-1)
        r, z = sigmoid(r + r_h), sigmoid(z + z_h)
        return (1 - z) * anp.tanh(n + r * n_h) + z * h, c


class Equations(Namespace):
    """Autograd's NumPy for a cell's equations."""

    def linear(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        """Return x W^T + b."""
        product = anp.dot(x, weight.T)
        return product if bias is None else product + bias


def sigmoid(z: Array) -> Array:
    """Return 1 / (1 + exp(-z)), through tanh so that nothing overflows."""
    return 0.5 * (anp.tanh(0.5 * z) + 1)


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "tanh": anp.tanh,
    "relu": lambda z: anp.where(z <= 0, 0, z),
    "sigmoid": sigmoid,
    "identity": lambda z: z,
}
