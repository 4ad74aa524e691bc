"""How XLA compiles the programs: in two thirds of the time that its defaults take, to code that is as fast."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax

# On the CPU only; measured with jaxlib 0.10 on loops over time and on two to twelve layers of `mlp`.
OPTIONS = {
    "xla_cpu_use_fusion_emitters": False,  # the older emitter of fused kernels, without MLIR
    "xla_cpu_parallel_codegen_split_count": 2,  # parts that LLVM compiles side by side; a small program has few kernels
}


def accepted(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the options that this version of XLA has."""
    return {name: value for name, value in options.items() if _has({name: value})}


def _has(options: dict[str, Any]) -> bool:
    try:
        jax.jit(lambda x: x, compiler_options=options).lower(0.0).compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True


program: Callable[..., Callable[[Callable[..., Any]], Any]] = partial(
    partial, jax.jit, compiler_options=accepted(OPTIONS)
)
