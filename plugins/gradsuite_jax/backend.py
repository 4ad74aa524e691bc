"""The JAX backend: what it claims, and how it builds a network."""

import os
from collections.abc import Callable, Mapping
from importlib.metadata import version

import jax
import numpy as np
from gradsuite.backend import Backend, BackendInfo, Network
from gradsuite.batch import OPTIONAL
from gradsuite.model import CELLS, Model
from gradsuite.schedule import Schedule

from gradsuite_jax.network import JaxNetwork
from gradsuite_jax.product import repeated

# Without these float64 would silently be float32, and float32 on a GPU would be TF32.
for option, value in (("jax_enable_x64", True), ("jax_default_matmul_precision", "highest")):
    jax.config.update(option, value)  # type: ignore[no-untyped-call]


VERSIONS = {package: version(package) for package in ("jax", "jaxlib")}  # once: each is read from a file


class JaxBackend(Backend):
    """Hand-written backpropagation under `jax.jit` and `lax.scan`."""

    name = "jax"

    def describe(self) -> BackendInfo:
        """Return versions, devices (as JAX reports them), dtypes and cells."""
        return BackendInfo(
            name=self.name,
            versions=VERSIONS,
            devices=devices(),
            dtypes=("float64", "float32", "bfloat16", "float16"),
            cells=CELLS,
            features=("stack", "truncation", "checkpoint", *OPTIONAL, "bidirectional", "scan", "autodiff"),
            libraries=(f"jaxlib: XLA, threads: {threads()}",),
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
        """Copy host parameters to the first device of this kind; a leading axis on each makes a stack of networks."""
        self.require(model, parameters, device, dtype, schedule)
        return JaxNetwork(model, parameters, device=device, dtype=dtype, schedule=schedule)

    def multiplications(
        self, left: np.ndarray, right: np.ndarray, times: int, *, device: str = "cpu"
    ) -> tuple[Callable[[], object]]:
        """Return one call: XLA's product, repeated in one program."""
        a, m = (jax.device_put(matrix, jax.devices(device)[0]) for matrix in (left, right))
        return (lambda: repeated(a, m, times).block_until_ready(),)


def devices() -> tuple[str, ...]:
    """Return the kinds of device that JAX has here."""
    try:
        jax.devices("cuda")
    except RuntimeError:
        return ("cpu",)
    return ("cpu", "cuda")


def threads() -> int:
    """Return how many threads XLA uses on the CPU: NPROC if it is set, else the cores it may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return int(os.environ.get("NPROC") or cores)
