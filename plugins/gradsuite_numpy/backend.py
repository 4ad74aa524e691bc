"""The NumPy backend: what it claims, and how it builds a network."""

from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np
from gradsuite.backend import Backend, BackendInfo
from gradsuite.cells import find
from gradsuite.model import ACTIVATIONS, CELLS, Model
from gradsuite.schedule import Schedule

from gradsuite_numpy.network import NumpyNetwork
from gradsuite_numpy.recurrent import LINEAR


class NumpyBackend(Backend):
    """Hand-written backpropagation (through time) in NumPy."""

    name: ClassVar[str] = "numpy"

    def describe(self) -> BackendInfo:
        """Claim everything, on the CPU; float16 is slow, for BLAS has no kernels for it."""
        return BackendInfo(
            name=self.name,
            versions={"numpy": np.__version__},
            devices=("cpu",),
            dtypes=("float64", "float32", "float16"),
            cells=(*CELLS, *LINEAR),
            activations={**ACTIVATIONS, **{name: find(name).activations for name in LINEAR}},
            features=("stack", "truncation", "checkpoint", "scan", "lengths", "state", "masks", "bidirectional"),
        )

    def build(
        self,
        model: Model,
        parameters: Mapping[str, np.ndarray],
        *,
        device: str = "cpu",
        dtype: str = "float32",
        schedule: Schedule = Schedule(),
    ) -> NumpyNetwork:
        """Copy host parameters; a leading axis on each makes a stack of networks."""
        self.require(model, parameters, device, dtype, schedule)
        return NumpyNetwork(model, parameters, device=device, dtype=dtype, schedule=schedule)

    def multiplications(
        self, left: np.ndarray, right: np.ndarray, times: int, *, device: str = "cpu"
    ) -> tuple[Callable[[], object]]:
        """Return one call: NumPy's own product, by BLAS."""
        out = np.empty((len(left), right.shape[1]), left.dtype)

        def call() -> None:
            for _ in range(times):
                np.matmul(left, right, out=out)

        return (call,)
