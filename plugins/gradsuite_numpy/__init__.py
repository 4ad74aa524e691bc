"""The NumPy backend: hand-written forward and backward, the textbook made fast."""

from typing import TYPE_CHECKING

from gradsuite import hookimpl

if TYPE_CHECKING:
    from gradsuite.plugins import Register


@hookimpl
def register_backends(register: "Register") -> None:
    """Register `numpy`."""
    register("numpy", "gradsuite_numpy.backend:NumpyBackend")
