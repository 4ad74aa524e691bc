"""The PyTorch backend: autograd and fused kernels where they are fastest, hand-written BPTT where they are not."""

from typing import TYPE_CHECKING

from gradsuite import hookimpl

if TYPE_CHECKING:
    from gradsuite.plugins import Register


@hookimpl
def register_backends(register: "Register") -> None:
    """Register `torch`, without importing it."""
    register(
        "torch",
        "gradsuite_torch.backend:TorchBackend",
        requires=["torch"],
        install='python -m pip install "gradsuite[torch]"',
    )
