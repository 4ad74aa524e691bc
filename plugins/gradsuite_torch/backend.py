"""The torch backend: what it claims, and its networks."""

from collections.abc import Mapping
from importlib.metadata import version

import numpy as np
import torch
from gradsuite.backend import Backend, BackendInfo
from gradsuite.model import CELLS, Model

from gradsuite_torch.mlp import Mlp
from gradsuite_torch.network import TorchNetwork, to_device
from gradsuite_torch.recurrent import Recurrent


class TorchBackend(Backend):
    """PyTorch tensors and kernels, with backpropagation written by hand."""

    name = "torch"

    def describe(self) -> BackendInfo:
        """Return versions, devices, dtypes and cells."""
        return BackendInfo(
            name=self.name,
            versions={"torch": version("torch")},
            devices=("cpu", "cuda") if torch.cuda.is_available() else ("cpu",),
            dtypes=("float64", "float32", "bfloat16", "float16"),
            cells=CELLS,
            features=("states", "stack"),
        )

    def build(
        self, model: Model, parameters: Mapping[str, np.ndarray], *, device: str = "cpu", dtype: str = "float32"
    ) -> TorchNetwork:
        """Bind host parameters to a device and a dtype; a leading axis of them all makes a stack of networks."""
        self.require(model, device, dtype)
        tensors = {name: to_device(p, device, getattr(torch, dtype)) for name, p in parameters.items()}
        network = Recurrent if model.recurrent else Mlp
        return network(model, tensors, device=device, dtype=dtype)
