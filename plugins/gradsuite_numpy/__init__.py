"""The NumPy backend: hand-written forward and backward, the textbook made fast."""

from collections.abc import Mapping
from typing import Any

from gradsuite import hookimpl
from gradsuite.hookspecs import Register


@hookimpl
def register_backends(register: Register) -> None:
    """Register `numpy`."""
    register("numpy", "gradsuite_numpy.backend:NumpyBackend")


# OpenBLAS's threads wait for the next product by spinning, by default for 0.1 s, on cores that others may need.
# The value is the binary logarithm of a number of cycles: about a millisecond, longer than the gap between the products
# of two steps.
SPIN = {"OPENBLAS_THREAD_TIMEOUT": "20"}


@hookimpl
def worker_environment(backend: str, machine: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Let OpenBLAS spin less; in a tuned worker, use AVX-512 kernels and flush subnormal numbers where that pays."""
    if backend != "numpy":
        return None
    if not machine.get("tuned"):
        return SPIN
    from gradsuite.machine import subnormals

    from gradsuite_numpy.kernels import better_kernels

    kernels = better_kernels(machine.get("features", ()))
    return {**SPIN, **({"OPENBLAS_CORETYPE": kernels} if kernels else {}), **subnormals.environment()}
