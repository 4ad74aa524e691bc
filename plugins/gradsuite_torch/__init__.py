"""The PyTorch backend: autograd and fused kernels where they are fastest, hand-written BPTT where they are not."""

import sys
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


@hookimpl
def watch_module(module: Any, watch: Any) -> Any:
    """Return the watcher of a `torch.nn.Module`; without PyTorch imported there is none."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(module, torch.nn.Module):
        return None
    from gradsuite_torch.watching.watcher import Watcher

    return Watcher(module, watch)


@hookimpl
def scalar_writer(kind: str, target: Any) -> Any:
    """Write to TensorBoard."""
    if kind != "tensorboard":
        return None
    from gradsuite_torch.watching.tensorboard import writing

    return writing(target)
