"""What a process computes with: the BLAS and thread pools that are loaded in it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

NAMES = {"openblas": "OpenBLAS", "mkl": "MKL", "blis": "BLIS", "flexiblas": "FlexiBLAS", "openmp": "OpenMP"}


def libraries() -> tuple[str, ...]:
    """Return each library that threadpoolctl finds here, as `numpy: OpenBLAS 0.3.31, Haswell kernels, 2 threads`.

    Before the colon is the package that brought it. What is linked into a framework, as MKL into PyTorch, cannot be
    found: a backend says it itself, in `describe`.
    """
    return tuple(sorted({told(found) for found in threadpool_info()}))


def told(found: Mapping[str, Any]) -> str:
    """Return one of threadpoolctl's entries as text."""
    version, kernels = found.get("version"), found.get("architecture")
    name = NAMES.get(found["internal_api"], found["internal_api"])
    threads = f"{found['num_threads']} thread{'s' if found['num_threads'] != 1 else ''}"
    about = [f"{name} {version}" if version else name, f"{kernels} kernels" if kernels else "", threads]
    return f"{owner(Path(found['filepath']))}: {', '.join(filter(None, about))}"


def owner(path: Path) -> str:
    """Return the package that a library came with, or `system`."""
    parts = path.parts
    folder = next((parts[k + 1] for k, part in enumerate(parts[:-1]) if part in ("site-packages", "dist-packages")), "")
    return folder.removesuffix(".libs") or "system"
