"""The kernels that NumPy's OpenBLAS runs, and whether this CPU supports faster ones."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

# OpenBLAS's names for kernel families with AVX-512; a CPU it does not know gets one of the families below them.
AVX512_KERNELS = ("SkylakeX", "Cooperlake", "SapphireRapids")


def better_kernels(features: Collection[str]) -> str | None:
    """Return the value of OPENBLAS_CORETYPE that gives NumPy AVX-512 kernels, or None.

    None if the CPU lacks AVX-512 (`features` are its flags), OpenBLAS already runs such kernels, the user has chosen
    some, or NumPy uses another BLAS.
    """
    kernels = openblas_kernels()
    if "avx512f" not in features or "OPENBLAS_CORETYPE" in os.environ or kernels is None:
        return None
    return None if kernels.casefold() in map(str.casefold, AVX512_KERNELS) else "SkylakeX"


def openblas_kernels() -> str | None:
    """Return the kernel family that NumPy's OpenBLAS has chosen in this process, or None if it uses another BLAS."""
    libraries: list[dict[str, Any]] = [
        library for library in threadpool_info() if library["internal_api"] == "openblas"
    ]
    bundled = Path(np.__file__).parent.with_name("numpy.libs")
    preferred = [library for library in libraries if Path(library["filepath"]).is_relative_to(bundled)]
    return next((str(library["architecture"]) for library in [*preferred, *libraries]), None)
