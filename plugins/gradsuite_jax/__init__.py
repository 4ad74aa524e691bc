"""The JAX backend: jitted, hand-written BPTT under lax.scan."""

from collections.abc import Mapping
from typing import Any

from gradsuite import hookimpl
from gradsuite.hookspecs import Register


@hookimpl
def register_backends(register: Register) -> None:
    """Register `jax`, without importing it."""
    register(
        "jax",
        "gradsuite_jax.backend:JaxBackend",
        requires=["jax"],
        install='python -m pip install "gradsuite[jax]"',
    )


@hookimpl
def worker_environment(backend: str, machine: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Return XLA's environment for `jax`."""
    return xla_environment(machine) if backend == "jax" else None


def xla_environment(machine: Mapping[str, Any]) -> Mapping[str, str]:
    """Give XLA as many threads as every backend has, and on a GPU no more memory than it needs.

    XLA itself flushes subnormal numbers; a tuned worker also does so outside XLA, where the host's arrays are read.
    """
    environment = {"NPROC": str(machine["threads"]), "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    if not machine.get("tuned"):
        return environment
    from gradsuite.machine import subnormals

    return {**environment, **subnormals.environment()}
