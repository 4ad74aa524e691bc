"""HIPS autograd as a backend of gradsuite."""

from typing import TYPE_CHECKING

from gradsuite import hookimpl

if TYPE_CHECKING:
    from gradsuite.plugins import Register


@hookimpl
def register_backends(register: "Register") -> None:
    """Register `hips-autograd`, without importing autograd."""
    register(
        "hips-autograd",
        "gradsuite_hips.backend:HipsBackend",
        requires=["autograd"],
        install="python -m pip install autograd",
    )
