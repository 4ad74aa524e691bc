"""The JAX backend: jitted, hand-written BPTT under lax.scan."""

from typing import TYPE_CHECKING

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
