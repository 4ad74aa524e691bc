"""Plain loops in C++ as a backend of gradsuite."""

from pathlib import Path
from typing import TYPE_CHECKING

from gradsuite import hookimpl

if TYPE_CHECKING:
    from gradsuite.plugins import Register

SOURCE = Path(__file__).with_name("native") / "main.cpp"
COMMAND = Path(__file__).with_name("cpp-loops")


@hookimpl
def register_backends(register: "Register") -> None:
    """Register `cpp-loops`, which is there as soon as it is built."""
    register("cpp-loops", command=[COMMAND], install="python -m gradsuite_cpp")
