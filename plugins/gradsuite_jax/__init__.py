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


# glibc gives buffers of this size back to the kernel after every call, and at the next one the kernel fills their pages
# with zeros again: an eighth of the time of a large LSTM's gradients. These are its limits in bytes for keeping them.
KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(256 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(512 * 2**20),
    "MALLOC_TOP_PAD_": str(64 * 2**20),
}


@hookimpl
def worker_environment(backend: str, machine: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Return XLA's environment for `jax`."""
    return xla_environment(machine) if backend == "jax" else None


def xla_environment(machine: Mapping[str, Any]) -> Mapping[str, str]:
    """Give XLA the threads that every backend has, memory it may keep, and on a GPU no more than it needs."""
    return {"NPROC": str(machine["threads"]), "XLA_PYTHON_CLIENT_PREALLOCATE": "false", **KEEP_MEMORY}
