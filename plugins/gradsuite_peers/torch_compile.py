"""torch.compile of each layer's cell, in a loop over time in Python."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from gradsuite.backend import BackendInfo, Tape
from gradsuite.model import Model
from gradsuite.schedule import Schedule
from torch import Tensor

from gradsuite_peers.refusal import refuse_states
from gradsuite_peers.torch_autograd import CellNetwork, TorchAutograd
from gradsuite_peers.torch_modules import DeviceBatch

# Compiled code is kept per module class, which the cells of all networks in a process share: with PyTorch's limit of 8,
# the ninth would silently not be compiled.
torch._dynamo.config.recompile_limit = 256


class TorchCompile(TorchAutograd):
    """Compiled cells; they need a C++ compiler."""

    name = "torch-compile"

    def describe(self) -> BackendInfo:
        """Return what torch-autograd claims, without state gradients, and without cells if there is no compiler."""
        info = replace(super().describe(), name=self.name, devices=("cpu",), state_gradients=(), features=())
        return info if shutil.which("c++") or shutil.which("g++") else replace(info, cells=())

    def build(
        self,
        model: Model,
        parameters: Mapping[str, np.ndarray],
        *,
        device: str = "cpu",
        dtype: str = "float32",
        schedule: Schedule = Schedule(),
    ) -> CellNetwork:
        """Load host parameters into cells, which the first call compiles."""
        self.require(model, parameters, device, dtype, schedule)
        return CompiledNetwork(model, parameters, device=device, dtype=dtype)


class CompiledNetwork(CellNetwork):
    """Cells that PyTorch compiles at their first call."""

    def __init__(self, model: Model, parameters: Mapping[str, np.ndarray], *, device: str, dtype: str) -> None:
        super().__init__(model, parameters, device=device, dtype=dtype)
        self.compiled: list[Callable[..., Tensor]] = [torch.compile(cell) for cell in super().cells()]

    def forward(self, batch: DeviceBatch, *, states: bool = False) -> Tape:
        """Loop over layers and steps."""
        refuse_states(states, "torch-compile")
        return super().forward(batch)

    def cells(self) -> list[Callable[..., Tensor]]:
        """Return the compiled cells."""
        return self.compiled
