"""The torch backend: what it claims, and how it builds a network."""

import re
from collections.abc import Callable, Mapping
from importlib.metadata import version

import numpy as np
import torch
from gradsuite.backend import FEATURES, Backend, BackendInfo
from gradsuite.model import CELLS, Model
from gradsuite.schedule import Schedule

from gradsuite_torch.autodiff import Autodiff
from gradsuite_torch.checkpointed import Checkpointed
from gradsuite_torch.fused import Fused
from gradsuite_torch.mlp import Mlp
from gradsuite_torch.network import TorchNetwork, to_device
from gradsuite_torch.products import libraries
from gradsuite_torch.recurrent import Recurrent
from gradsuite_torch.truncated import Truncated

VERSIONS = {"torch": version("torch")}  # once: it is read from a file


class TorchBackend(Backend):
    """PyTorch tensors and kernels, with backpropagation written by hand."""

    name = "torch"

    def describe(self) -> BackendInfo:
        """Return versions, devices, dtypes and cells."""
        return BackendInfo(
            name=self.name,
            versions=VERSIONS,
            devices=("cpu", "cuda") if torch.cuda.is_available() else ("cpu",),
            dtypes=("float64", "float32", "bfloat16", "float16"),
            cells=CELLS,
            features=FEATURES,
            libraries=linked(),
        )

    def build(
        self,
        model: Model,
        parameters: Mapping[str, np.ndarray],
        *,
        device: str = "cpu",
        dtype: str = "float32",
        schedule: Schedule = Schedule(),
    ) -> TorchNetwork:
        """Copy host parameters to a device; a leading axis on each makes a stack of networks."""
        self.require(model, parameters, device, dtype, schedule)
        tensors = {name: to_device(p, device, getattr(torch, dtype)) for name, p in parameters.items()}
        if self.describe().differentiates(model.cell):
            return Autodiff(model, tensors, device=device, dtype=dtype, scan=schedule.scan)
        if schedule.truncation is not None:
            return Truncated(model, tensors, device=device, dtype=dtype, truncation=schedule.truncation)
        if schedule.checkpoint is not None:
            return Checkpointed(model, tensors, device=device, dtype=dtype, checkpoint=schedule.checkpoint)
        if Fused.fits(model, tensors):
            return Fused(model, tensors, device=device, dtype=dtype)
        network = Recurrent if model.recurrent else Mlp
        return network(model, tensors, device=device, dtype=dtype)

    def multiplications(
        self, left: np.ndarray, right: np.ndarray, times: int, *, device: str = "cpu"
    ) -> list[Callable[[], object]]:
        """Return PyTorch's default product and, where there is one, oneDNN's."""
        return libraries(torch.tensor(left, device=device), torch.tensor(right, device=device), times)


def linked() -> tuple[str, ...]:
    """Return how many threads PyTorch uses, and the libraries linked into it, which cannot be found from outside."""
    patterns = {"MKL": r"Math Kernel Library Version (\S+?)-", "oneDNN": r"MKL-DNN v(\S+)"}
    matches = {name: re.search(pattern, torch.__config__.show()) for name, pattern in patterns.items()}
    threads = f"torch: threads of an operation: {torch.get_num_threads()}"
    return (threads, *(f"torch: {name} {match[1]}" for name, match in matches.items() if match))
