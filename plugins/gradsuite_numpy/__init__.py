"""The NumPy backend: hand-written forward and backward, the textbook made fast."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gradsuite import hookimpl

if TYPE_CHECKING:
    from gradsuite.plugins import Register


@hookimpl
def register_backends(register: "Register") -> None:
    """Register `numpy`."""
    register("numpy", "gradsuite_numpy.backend:NumpyBackend")


@hookimpl
def worker_environment(backend: str, machine: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Give a tuned worker the AVX-512 kernels of OpenBLAS where the CPU has them and OpenBLAS does not take them."""
    if backend != "numpy" or not machine.get("tuned"):
        return None
    from gradsuite_numpy.kernels import better_kernels

    kernels = better_kernels(machine.get("features", ()))
    return {"OPENBLAS_CORETYPE": kernels} if kernels else None
