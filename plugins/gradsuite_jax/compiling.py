"""How XLA compiles the programs: loops over time in three quarters of the time that its defaults take."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import jax

# XLA's own emitter of fused kernels, before MLIR: of the CPU alone. The code of loops over time is as fast (measured on
# jaxlib 0.10); the many layers of a deep `mlp` take longer to compile by it.
FOR_LOOPS = {"xla_cpu_use_fusion_emitters": False}


def accepted(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options if this XLA has them, else none: they come and go with its versions."""
    try:
        jax.jit(lambda x: x, compiler_options=options).lower(0.0).compile()
    except jax.errors.JaxRuntimeError:
        return {}
    return options


OPTIONS = accepted(FOR_LOOPS)


def program(**static: Any) -> Callable[[Callable[..., Any]], Any]:
    """Make a function of a plan a program, compiled as suits that plan's model; `static` is for `jax.jit`."""

    def decorate(function: Callable[..., Any]) -> Any:
        by_default, for_loops = (jax.jit(function, compiler_options=options, **static) for options in ({}, OPTIONS))

        @wraps(function)
        def call(plan: Any, *arguments: Any, **named: Any) -> Any:
            return (for_loops if plan.model.recurrent else by_default)(plan, *arguments, **named)

        return call

    return decorate
