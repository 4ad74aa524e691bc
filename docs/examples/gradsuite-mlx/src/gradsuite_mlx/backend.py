"""The three verbs in terms of MLX, which is lazy: each verb starts what it has described, and `synchronize` waits."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import NamedTuple

import mlx.core as mx
import numpy as np
from gradsuite.backend import Backend, BackendInfo, Batch, Gradients, Network, Tape
from gradsuite.model import CELLS, Model
from gradsuite.optimizers import Optimizer
from gradsuite.schedule import Schedule

from gradsuite_mlx.head import loss, outputs
from gradsuite_mlx.layers import top_states
from gradsuite_mlx.nudges import state_gradients, zeros

DTYPES = {"float32": mx.float32, "float64": mx.float64}


class DeviceBatch(NamedTuple):
    """Inputs and targets in the network's dtype, classes as integers."""

    inputs: mx.array
    targets: mx.array


class MlxBackend(Backend):
    """Reverse mode of MLX on the CPU, where alone it has float64."""

    name = "mlx"

    def describe(self) -> BackendInfo:
        """Claim every model of the interface; float64 too, which MLX has, though not all of it as precise."""
        return BackendInfo(
            name=self.name,
            versions={"mlx": version("mlx")},
            devices=("cpu",),
            dtypes=tuple(DTYPES),
            cells=CELLS,
        )

    def build(
        self,
        model: Model,
        parameters: Mapping[str, np.ndarray],
        *,
        device: str = "cpu",
        dtype: str = "float32",
        schedule: Schedule = Schedule(),
    ) -> "MlxNetwork":
        """Copy host parameters; what is not claimed is refused."""
        self.require(model, parameters, device, dtype, schedule)
        with mx.stream(mx.cpu):
            arrays = {name: mx.array(parameter, DTYPES[dtype]) for name, parameter in parameters.items()}
        return MlxNetwork(model, arrays, device=device, dtype=dtype)


class MlxNetwork(Network):
    """Arrays of MLX: descriptions of a computation, until it is evaluated."""

    def put(self, batch: Batch) -> DeviceBatch:
        """Copy a host batch."""
        kind = mx.int32 if self.model.loss == "cross_entropy" else DTYPES[self.dtype]
        with mx.stream(mx.cpu):
            return DeviceBatch(mx.array(batch.inputs, DTYPES[self.dtype]), mx.array(batch.targets, kind))

    def forward(self, batch: DeviceBatch, *, states: bool = False) -> Tape:
        """Describe loss, outputs and gradients, also by a zero added to every state if `states`; start the first two.

        MLX makes both descriptions at once. What the gradients need of the forward pass stays in memory with them.
        """

        def described(arrays: Mapping[str, mx.array]) -> tuple[mx.array, mx.array]:
            y = outputs(self.model, arrays, top_states(self.model, arrays, batch.inputs))
            return loss(self.model, y, batch.targets), y

        with mx.stream(mx.cpu):
            nudges = zeros(self.model, batch.inputs.shape, batch.inputs.dtype) if states else {}
            (value, y), gradients = mx.value_and_grad(described)({**self.parameters, **nudges})
            mx.async_eval(value, y)
        return Tape(value, y, (gradients, batch.inputs.shape))

    def backward(self, tape: Tape) -> Gradients:
        """Start the gradients."""
        found, inputs = tape.saved
        with mx.stream(mx.cpu):
            gradients = Gradients(
                {name: found[name] for name in self.parameters},
                *(state_gradients(kind, self.model, inputs, found) for kind in ("h", "c")),
            )
            mx.async_eval(gradients.parameters, gradients.states, gradients.cell_states)
        return gradients

    def update(self, gradients: Gradients, optimizer: Optimizer) -> None:
        """Start the optimizer's arithmetic on MLX's arrays."""
        with mx.stream(mx.cpu):
            super().update(gradients, optimizer)
            mx.async_eval(self.parameters, self.slots)

    def synchronize(self) -> None:
        """Wait until everything started is computed."""
        mx.synchronize(mx.default_stream(mx.cpu))

    def fetch(self, array: mx.array) -> np.ndarray:
        """Copy an array, once it is computed."""
        return np.array(array)
