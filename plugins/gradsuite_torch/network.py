"""What all networks of this backend share: arrays to the device and back."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from gradsuite.backend import Batch, Network
from gradsuite.model import Model
from torch import Tensor

from gradsuite_torch.readout import Readout


class DeviceBatch(NamedTuple):
    """A batch on the device."""

    inputs: Tensor
    targets: Tensor


class TorchNetwork(Network):
    """A network on the CPU or a CUDA device; its arrays are tensors."""

    def __init__(self, model: Model, parameters: Mapping[str, Tensor], *, device: str, dtype: str) -> None:
        super().__init__(model, parameters, device=device, dtype=dtype)
        self.readout = Readout(model)

    def put(self, batch: Batch) -> DeviceBatch:
        """Copy a host batch to the device; classes become int64."""
        classes = self.model.loss == "cross_entropy"
        targets_dtype = torch.int64 if classes else getattr(torch, self.dtype)
        return DeviceBatch(
            to_device(batch.inputs, self.device, getattr(torch, self.dtype)),
            to_device(batch.targets, self.device, targets_dtype),
        )

    def fetch(self, array: Tensor) -> np.ndarray:
        """Copy a tensor to the host; bfloat16, which NumPy lacks, comes as float32, which holds the same values."""
        if array.dtype == torch.bfloat16:
            array = array.float()
        return array.detach().to("cpu", copy=True).numpy()

    def synchronize(self) -> None:
        """Wait for the CUDA device; on the CPU calls return when they are done."""
        if self.device == "cuda":
            torch.cuda.synchronize()

    def is_ready(self, array: Tensor) -> bool | None:
        """Return whether the CUDA stream is idle; None on the CPU, where calls return when they are done."""
        return torch.cuda.current_stream(array.device).query() if array.is_cuda else None


def to_device(array: np.ndarray, device: str, dtype: torch.dtype) -> Tensor:
    """Return a copy of a host array on the device."""
    return torch.tensor(array, dtype=dtype, device=device)
