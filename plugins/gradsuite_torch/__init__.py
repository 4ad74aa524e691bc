"""The PyTorch backend: autograd and fused kernels where they are fastest, hand-written BPTT where they are not."""

from collections.abc import Mapping
from typing import Any

from gradsuite import hookimpl
from gradsuite.hookspecs import Register


@hookimpl
def register_backends(register: Register) -> None:
    """Register `torch`, without importing it."""
    register(
        "torch",
        "gradsuite_torch.backend:TorchBackend",
        requires=["torch"],
        install='python -m pip install "gradsuite[torch]"',
    )


@hookimpl
def worker_environment(backend: str, machine: Mapping[str, Any]) -> Mapping[str, str] | None:
    """In a tuned worker, take subnormal numbers for zero where that pays."""
    if backend != "torch" or not machine.get("tuned"):
        return None
    from gradsuite.machine import subnormals

    return subnormals.environment()
