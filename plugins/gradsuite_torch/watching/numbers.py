"""Tensors in whatever a module is given and returns, and single numbers of them, left on their device."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor


def tensors(tree: Any) -> Iterator[Tensor]:
    """Yield the tensors of floating point in nested sequences and mappings, packed sequences too."""
    if isinstance(tree, Tensor):
        if tree.is_floating_point():
            yield tree
    elif isinstance(tree, Mapping):
        for part in tree.values():
            yield from tensors(part)
    elif isinstance(tree, list | tuple):
        for part in tree:
            yield from tensors(part)


def norm(array: Tensor) -> Tensor:
    """Return the 2-norm of a tensor, at least in float32."""
    array = array.detach()
    if array.layout != torch.strided:
        array = array.coalesce().values()
    wide = torch.float64 if array.dtype == torch.float64 else torch.float32
    return torch.linalg.vector_norm(array, dtype=wide)


def on_gradient(array: Tensor, call: Callable[[Tensor], None]) -> None:
    """Have the gradient by an array seen as soon as it is there; it stays as it is."""
    array.register_hook(call)  # type: ignore[no-untyped-call]


def fetch(numbers: Iterable[Tensor]) -> list[float]:
    """Copy single numbers to the host, all in one wait."""
    listed = [number.reshape(()).double() if number.device.type != "mps" else number.reshape(()) for number in numbers]
    return torch.stack([number.to(listed[0].device) for number in listed]).tolist() if listed else []
