"""The JAX backend: jitted, hand-written BPTT under lax.scan."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from gradsuite import hookimpl
from gradsuite.hookspecs import Register

if TYPE_CHECKING:
    from gradsuite.diagnosis.patient import Question, Traced

FASTER = "--xla_backend_optimization_level=1"  # of LLVM, of 0 to 3, which is the default: the same operations


@hookimpl
def register_backends(register: Register) -> None:
    """Register `jax`, without importing it."""
    register(
        "jax",
        "gradsuite_jax.backend:JaxBackend",
        requires=["jax"],
        install='python -m pip install "gradsuite[jax]"',
    )


@hookimpl
def worker_environment(backend: str, machine: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Return XLA's environment for `jax`."""
    return xla_environment(machine) if backend == "jax" else None


def xla_environment(machine: Mapping[str, Any]) -> Mapping[str, str]:
    """Give XLA as many threads as every backend has, and on a GPU no more memory than it needs.

    XLA itself flushes subnormal numbers; a tuned worker also does so outside XLA, where the host's arrays are read.
    """
    environment = {"NPROC": str(machine["threads"]), "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    environment |= kept_programs(machine)
    if not machine.get("tuned"):
        return environment
    from gradsuite.machine import subnormals

    return {**environment, **subnormals.environment()}


def kept_programs(machine: Mapping[str, Any]) -> Mapping[str, str]:
    """Save a worker that times nothing most of what XLA takes to compile: programs are kept for the next one.

    The folder is this user's, and of this kind of processor: what was compiled for another may not run here.
    JAX_ENABLE_COMPILATION_CACHE=false turns it off. A worker that measures has them compiled with fewer optimisations,
    in three quarters of the time; one that is checked has those that are timed.
    """
    purpose = machine.get("purpose", "time")
    if purpose == "time":
        return {}
    found = dict[str, str]()
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        from platformdirs import user_cache_path

        processor = sha256(json.dumps([machine["cpu"], machine["features"]]).encode()).hexdigest()[:8]
        found["JAX_COMPILATION_CACHE_DIR"] = str(user_cache_path("gradsuite") / f"xla-{processor}")
        found["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    if purpose == "measure":
        found["XLA_FLAGS"] = " ".join(filter(None, [os.environ.get("XLA_FLAGS"), FASTER]))
    return found


@hookimpl
def find_patients(question: "Question") -> "Sequence[Traced] | None":
    """Look into a flax.nnx module, or a function with an explicit carry."""
    nnx = sys.modules.get("flax.nnx")
    if nnx is not None and isinstance(question.network, nnx.Module):
        from gradsuite_jax.diagnosis import modules

        return modules.patients(question)
    if "jax" not in sys.modules:
        return None
    from gradsuite_jax.diagnosis import carrying

    return carrying.patients(question) if carrying.is_step(question) else None
