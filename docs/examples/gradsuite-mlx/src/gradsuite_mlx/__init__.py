"""MLX as a backend of gradsuite."""

from typing import TYPE_CHECKING

from gradsuite import hookimpl

if TYPE_CHECKING:
    from gradsuite.plugins import Register


@hookimpl
def register_backends(register: "Register") -> None:
    """Register `mlx`, without importing it."""
    register("mlx", "gradsuite_mlx.backend:MlxBackend", requires=["mlx"], install="python -m pip install 'mlx[cpu]'")
