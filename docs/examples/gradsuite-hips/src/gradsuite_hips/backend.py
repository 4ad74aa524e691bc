"""The three verbs in terms of autograd: forward traces, backward pulls the trace back."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
from autograd import make_vjp
from autograd.tracer import getval
from gradsuite.backend import Backend, BackendInfo, Batch, Gradients, Network, Tape
from gradsuite.model import CELLS, Model
from gradsuite.schedule import Schedule

from gradsuite_hips.head import loss, outputs
from gradsuite_hips.layers import top_states
from gradsuite_hips.nudges import zeros


class DeviceBatch(NamedTuple):
    """Inputs and targets in the network's dtype, classes as integers."""

    inputs: np.ndarray
    targets: np.ndarray


class HipsBackend(Backend):
    """Reverse mode by operator overloading, one NumPy call at a time."""

    name = "hips-autograd"

    def describe(self) -> BackendInfo:
        """Claim every model of the interface, on the CPU."""
        return BackendInfo(
            name=self.name,
            versions={"autograd": version("autograd"), "numpy": np.__version__},
            devices=("cpu",),
            dtypes=("float32", "float64"),
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
    ) -> "HipsNetwork":
        """Copy host parameters; what is not claimed is refused."""
        self.require(model, parameters, device, dtype, schedule)
        arrays = {name: np.array(parameter, dtype) for name, parameter in parameters.items()}
        return HipsNetwork(model, arrays, device=device, dtype=dtype)


class HipsNetwork(Network):
    """Autograd computes on NumPy's own arrays."""

    def put(self, batch: Batch) -> DeviceBatch:
        """Copy a host batch."""
        kind = np.int64 if self.model.loss == "cross_entropy" else self.dtype
        return DeviceBatch(np.array(batch.inputs, self.dtype), np.array(batch.targets, kind))

    @np.errstate(over="ignore", invalid="ignore")  # inf and NaN are data
    def forward(self, batch: DeviceBatch, *, states: bool = False) -> Tape:
        """Trace the loss as a function of the parameters and, if `states`, of a zero added to every state."""
        y: Any = None

        def trace(parameters: Mapping[str, Any], nudges: Mapping[str, Any]) -> Any:
            nonlocal y
            y = outputs(self.model, parameters, top_states(self.model, parameters, batch.inputs, nudges))
            return loss(self.model, y, batch.targets)

        nudges = zeros(self.model, batch.inputs.shape, self.dtype) if states else {}
        pull, value = make_vjp(trace, (0, 1))(self.parameters, nudges)
        return Tape(value, getval(y), pull)

    @np.errstate(over="ignore", invalid="ignore")
    def backward(self, tape: Tape) -> Gradients:
        """Pull the loss's own gradient, 1, back through the trace."""
        parameters, nudges = tape.saved(1.0)
        return Gradients(parameters, nudges.get("h"), nudges.get("c"))

    def fetch(self, array: np.ndarray) -> np.ndarray:
        """Copy an array."""
        return np.array(array)
