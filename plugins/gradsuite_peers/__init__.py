"""Peers: what a user would have written without this suite, as backends to compare with; they run only when named."""

from collections.abc import Mapping
from typing import Any

import gradsuite_numpy
import gradsuite_torch
from gradsuite import hookimpl
from gradsuite.hookspecs import Register
from gradsuite_jax import xla_environment

PEERS = {
    "torch-nn": ("gradsuite_peers.torch_nn:TorchNn", ["torch"]),
    "torch-autograd": ("gradsuite_peers.torch_autograd:TorchAutograd", ["torch"]),
    "torch-compile": ("gradsuite_peers.torch_compile:TorchCompile", ["torch"]),
    "jax-scan": ("gradsuite_peers.jax_scan:JaxScan", ["jax", "optax"]),
    "flax": ("gradsuite_peers.flax:Flax", ["flax", "optax"]),
    "autograd": ("gradsuite_peers.autograd:Autograd", ["autograd"]),
}


@hookimpl
def register_backends(register: Register) -> None:
    """Register the peers, without importing their frameworks."""
    for name, (target, requires) in PEERS.items():
        register(name, target, requires=requires, install='python -m pip install "gradsuite[peers]"', peer=True)


@hookimpl
def worker_environment(backend: str, machine: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Give each peer the environment of this project's backend in its framework: the two differ by code alone."""
    if backend == "autograd":
        return gradsuite_numpy.worker_environment("numpy", machine)
    if backend in ("torch-nn", "torch-autograd", "torch-compile"):
        return gradsuite_torch.worker_environment("torch", machine)
    return xla_environment(machine) if backend in ("jax-scan", "flax") else None
