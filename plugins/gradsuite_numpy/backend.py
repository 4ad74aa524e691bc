"""The backend: what NumPy can do here, and how a network is built."""

from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np
from gradsuite.backend import Backend, BackendInfo
from gradsuite.errors import UserError
from gradsuite.model import CELLS, Model, parameter_shapes

from gradsuite_numpy.network import NumpyNetwork
from gradsuite_numpy.windows import Schedule


class NumpyBackend(Backend):
    """Hand-written backpropagation (through time) in NumPy."""

    name: ClassVar[str] = "numpy"

    def describe(self) -> BackendInfo:
        """Return what this backend claims: everything, on the CPU; float16 without BLAS, so slowly."""
        return BackendInfo(
            name=self.name,
            versions={"numpy": np.__version__},
            devices=("cpu",),
            dtypes=("float64", "float32", "float16"),
            cells=CELLS,
            features=("stack", "truncation", "checkpoint"),
        )

    def build(
        self,
        model: Model,
        parameters: Mapping[str, np.ndarray],
        *,
        device: str = "cpu",
        dtype: str = "float32",
        truncation: tuple[int, int] | None = None,
        checkpoint: int | None = None,
    ) -> NumpyNetwork:
        """Bind host parameters; a leading axis on each makes a stack of settings.

        `truncation` (k1, k2) and `checkpoint` n split backward over time as `Schedule` says. Raises UserError for
        numbers that are not allowed, Unsupported for what `describe` does not claim.
        """
        self.require(model, device, dtype)
        if (truncation, checkpoint) != (None, None) and not model.recurrent:
            raise UserError("truncation and checkpoint are for recurrent cells, not for mlp")
        check_shapes(model, parameters)
        schedule = Schedule(checkpoint=checkpoint, truncation=truncation)
        return NumpyNetwork(model, parameters, device=device, dtype=dtype, schedule=schedule)

    def multiplications(
        self, left: np.ndarray, right: np.ndarray, times: int, *, device: str = "cpu"
    ) -> tuple[Callable[[], object]]:
        """Return NumPy's BLAS."""
        out = np.empty((len(left), right.shape[1]), left.dtype)

        def call() -> None:
            for _ in range(times):
                np.matmul(left, right, out=out)

        return (call,)


def check_shapes(model: Model, parameters: Mapping[str, np.ndarray]) -> None:
    """Raise UserError unless each parameter is there in its shape, all of them with the same leading axis or none."""
    shapes = parameter_shapes(model)
    if parameters.keys() != shapes.keys():
        raise UserError(f"parameters of this model are {', '.join(shapes)}, not {', '.join(parameters) or 'none'}")
    first = next(iter(shapes))
    lead = parameters[first].shape[: parameters[first].ndim - len(shapes[first])]
    for name, shape in shapes.items():
        if len(lead) > 1 or parameters[name].shape != (*lead, *shape):
            allowed = (*lead, *shape) if len(lead) < 2 else shape
            raise UserError(f"{name} must be {allowed}, not {parameters[name].shape}")
