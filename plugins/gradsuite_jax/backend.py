"""The JAX backend: what it is, and how a network is built."""

from collections.abc import Mapping

import jax
import jaxlib
import numpy as np

from gradsuite.backend import Backend, BackendInfo, Network
from gradsuite.model import CELLS, Model
from gradsuite_jax.network import JaxNetwork

jax.config.update("jax_enable_x64", True)  # or float64 would silently be float32
jax.config.update("jax_default_matmul_precision", "highest")  # or float32 would be TF32 on a GPU


class JaxBackend(Backend):
    """Hand-written backpropagation under `jax.jit` and `lax.scan`."""

    name = "jax"

    def describe(self) -> BackendInfo:
        """Return versions, devices, dtypes and cells; asks JAX which devices there are."""
        return BackendInfo(
            name=self.name,
            versions={"jax": jax.__version__, "jaxlib": jaxlib.__version__},
            devices=devices(),
            dtypes=("float64", "float32", "bfloat16", "float16"),
            cells=CELLS,
        )

    def build(
        self, model: Model, parameters: Mapping[str, np.ndarray], *, device: str = "cpu", dtype: str = "float32"
    ) -> Network:
        """Bind host parameters to the first device of this kind. Raises Unsupported for what is not claimed."""
        self.require(model, device, dtype)
        return JaxNetwork(model, parameters, device=device, dtype=dtype)


def devices() -> tuple[str, ...]:
    """Return the kinds of device that JAX has here."""
    try:
        jax.devices("cuda")
    except RuntimeError:
        return ("cpu",)
    return ("cpu", "cuda")
