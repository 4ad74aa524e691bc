"""What a process computes with: the BLAS and thread pools that are loaded in it."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

NAMES = {"openblas": "OpenBLAS", "mkl": "MKL", "blis": "BLIS", "flexiblas": "FlexiBLAS", "openmp": "OpenMP"}
SYSTEM = "system"  # what brought a library that no package did


def libraries(packages: Collection[str]) -> tuple[str, ...]:
    """Return the libraries that these packages compute with, as `numpy: OpenBLAS 0.3.31, Haswell kernels, 2 threads`.

    They are those that threadpoolctl finds in this process and that came with one of the packages, which stands before
    the colon, or with the system. Others are loaded but compute nothing that is measured: a framework's worker has
    NumPy's OpenBLAS for host arrays alone. What is linked into a framework, as MKL into PyTorch, cannot be found: a
    backend says it itself, in `describe`.
    """
    owners = {folder(package) for package in packages} | {SYSTEM}
    used = [library for library in threadpool_info() if folder(owner(Path(library["filepath"]))) in owners]
    return tuple(sorted({line(library) for library in used}))


def folder(package: str) -> str:
    """Return a package's name as its folder has it: `my_package` of `My-Package`."""
    return package.lower().replace("-", "_")


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
    name = next((parts[k + 1] for k, part in enumerate(parts[:-1]) if part in ("site-packages", "dist-packages")), "")
    return name.removesuffix(".libs") or SYSTEM
