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
    return tuple(sorted({line(library) for library in threadpool_info()}))


def line(library: Mapping[str, Any]) -> str:
    """Return one of threadpoolctl's entries as text."""
    version, kernels = library.get("version"), library.get("architecture")
    name = NAMES.get(library["internal_api"], library["internal_api"])
    threads = f"{library['num_threads']} thread{'s' if library['num_threads'] != 1 else ''}"
    about = [f"{name} {version}" if version else name, f"{kernels} kernels" if kernels else "", threads]
    return f"{owner(Path(library['filepath']))}: {', '.join(filter(None, about))}"


def owner(path: Path) -> str:
    """Return the package that a library came with, or `system`."""
    parts = path.parts
    folder = next((parts[k + 1] for k, part in enumerate(parts[:-1]) if part in ("site-packages", "dist-packages")), "")
    return folder.removesuffix(".libs") or "system"
