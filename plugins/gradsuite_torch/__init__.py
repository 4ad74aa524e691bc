"""The PyTorch backend: autograd and fused kernels where they are fastest, hand-written BPTT where they are not."""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradsuite import hookimpl
from gradsuite.hookspecs import Register

if TYPE_CHECKING:
    from gradsuite.diagnosis.patient import Patient, Question, Traced


@hookimpl
def register_backends(register: Register) -> None:
    """Register `torch`, without importing it."""
    register(
        "torch",
        "gradsuite_torch.backend:TorchBackend",
        requires=["torch"],
        install='python -m pip install "gradsuite[torch]"',
    )


# A check's products are small, and OpenMP's threads wait for the next one by spinning: asleep they leave the cores to
# others, and all that is checked takes two thirds of the processor time. A worker that is timed keeps the default.
@hookimpl
def worker_environment(backend: str, machine: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Let OpenMP's threads sleep in a worker that is checked; in a tuned one, flush subnormals where that pays."""
    if backend != "torch":
        return None
    waiting = {"OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE")}
    environment = waiting if machine.get("purpose") == "check" else {}
    if not machine.get("tuned"):
        return environment
    from gradsuite.machine import subnormals

    return {**environment, **subnormals.environment()}


@hookimpl
def read_weights(path: Path) -> Mapping[str, Any] | None:
    """Read a state dict with torch, where it is installed, and execute nothing in it."""
    if find_spec("torch") is None:
        return None
    from gradsuite_torch.diagnosis.weights import read

    return read(path)


@hookimpl
def find_patients(question: "Question") -> "Sequence[Patient | Traced] | None":
    """Look into a torch module, or into one made of stored weights."""
    from gradsuite.diagnosis.files import StoredNetwork

    if isinstance(question.network, StoredNetwork):
        if find_spec("torch") is None:
            return None
        from gradsuite_torch.diagnosis.stored import patients_of

        return patients_of(question)
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(question.network, torch.nn.Module):
        return None
    from gradsuite_torch.diagnosis.patients import patients

    return patients(question.network, question)


@hookimpl
def watch_module(module: Any, watch: Any) -> Any:
    """Return the watcher of a `torch.nn.Module`; without PyTorch imported there is none."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(module, torch.nn.Module):
        return None
    from gradsuite_torch.watching.watcher import Watcher

    return Watcher(module, watch)


@hookimpl
def scalar_writer(kind: str, target: Any) -> Any:
    """Write to TensorBoard."""
    if kind != "tensorboard":
        return None
    from gradsuite_torch.watching.tensorboard import writing

    return writing(target)
