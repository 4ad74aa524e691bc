"""The JAX backend: jitted, hand-written BPTT under lax.scan."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gradsuite import hookimpl

if TYPE_CHECKING:
    from gradsuite.plugins import Register


@hookimpl
def register_backends(register: "Register") -> None:
    """Register `jax`, without importing it."""
    register(
        "jax",
        "gradsuite_jax.backend:JaxBackend",
        requires=["jax"],
        install='python -m pip install "gradsuite[jax]"',
    )


@hookimpl
def worker_environment(backend: str, machine: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Give XLA's CPU client as many threads as every backend has, and GPU memory only as it is needed."""
    if backend != "jax":
        return None
    return {"NPROC": str(machine["threads"]), "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
