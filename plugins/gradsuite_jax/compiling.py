"""How XLA compiles the programs: for loops over time in three quarters of the time that its defaults take."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import jax

# Without MLIR, XLA's older emitter of fused kernels is used; on the CPU only. The code of loops over time is as fast
# (measured with jaxlib 0.10); the many layers of a deep `mlp` take longer to compile.
FOR_LOOPS = {"xla_cpu_use_fusion_emitters": False}


def accepted(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options if this version of XLA has them, else none."""
    try:
        jax.jit(lambda x: x, compiler_options=options).lower(0.0).compile()
    except jax.errors.JaxRuntimeError:
        return {}
    return options


OPTIONS = accepted(FOR_LOOPS)


def program(**static: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function of a plan with the options that suit the plan's model; `static` is passed to `jax.jit`."""

    def decorate(function: Callable[..., Any]) -> Any:
        by_default, for_loops = (jax.jit(function, compiler_options=options, **static) for options in ({}, OPTIONS))

        @wraps(function)
        def call(plan: Any, *arguments: Any, **named: Any) -> Any:
            return (for_loops if plan.model.recurrent else by_default)(plan, *arguments, **named)

        return call

    return decorate
