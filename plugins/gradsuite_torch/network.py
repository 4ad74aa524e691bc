"""What all networks of this backend share: arrays to the device and back, and learning steps."""

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from gradsuite.backend import Batch, Gradients, Network
from gradsuite.batch import OPTIONAL
from gradsuite.model import Model
from gradsuite.optimizers import Optimizer, Slots
from gradsuite.precision import PRECISE
from torch import Tensor

from gradsuite_torch.optimizers import KERNELS
from gradsuite_torch.padding import Padding
from gradsuite_torch.readout import Readout


class DeviceBatch(NamedTuple):
    """A batch on the device.

    With `padding` and readout `all`, targets are packed: those of the steps that count, (rows, O) or (rows).
    """

    inputs: Tensor
    targets: Tensor
    padding: Padding | None = None
    state: tuple[Tensor, ...] | None = None
    masks: Tensor | None = None


class TorchNetwork(Network):
    """A network on the CPU or a CUDA device; its arrays are tensors.

    Parameters and slots that somebody else may hold are lent, and are replaced by an update; others are overwritten.
    """

    batch_features: ClassVar[tuple[str, ...]] = OPTIONAL

    _parameters: Mapping[str, Tensor]
    _slots: Slots | None
    _lent: bool

    def __init__(self, model: Model, parameters: Mapping[str, Tensor], *, device: str, dtype: str) -> None:
        super().__init__(model, parameters, device=device, dtype=dtype)
        self.readout = Readout(model)

    @property
    def parameters(self) -> Mapping[str, Tensor]:
        """The parameters by name. Who reads them may keep them: later updates leave these tensors alone."""
        self._lent = True
        return self._parameters

    @parameters.setter
    def parameters(self, parameters: Mapping[str, Tensor]) -> None:
        self._parameters, self._lent = parameters, True

    @property
    def slots(self) -> Slots | None:
        """The optimizer's steps and running averages, to keep as the parameters."""
        self._lent = True
        return self._slots

    @slots.setter
    def slots(self, slots: Slots | None) -> None:
        self._slots, self._lent = slots, True

    def put(self, batch: Batch) -> DeviceBatch:
        """Copy a host batch to the device; classes become int64."""
        floats = getattr(torch, self.dtype)
        targets, masks, padding = batch.targets, batch.masks, None
        if batch.lengths is not None:
            padding = Padding.of(batch.lengths, len(batch.inputs), self.device)
            targets = targets[batch.valid] if self.model.readout == "all" else targets
            if masks is not None and len(masks) > 1:
                masks = np.where(batch.valid[:, np.newaxis, :, np.newaxis], masks, 0)
        return DeviceBatch(
            to_device(batch.without_padding(self.model).inputs, self.device, floats),
            to_device(targets, self.device, torch.int64 if self.model.loss == "cross_entropy" else floats),
            padding,
            None if batch.state is None else tuple(to_device(kind, self.device, floats) for kind in batch.state),
            None if masks is None else to_device(masks, self.device, floats),
        )

    def fetch(self, array: Tensor) -> np.ndarray:
        """Copy a tensor to the host; bfloat16, which NumPy lacks, comes as float32, which holds the same values."""
        if array.dtype == torch.bfloat16:
            array = array.float()
        return array.detach().to("cpu", copy=True).numpy()

    def update(self, gradients: Gradients, optimizer: Optimizer) -> None:
        """Replace the parameters with the optimizer's next ones, by one fused kernel where PyTorch has it."""
        kernel = KERNELS.get(type(optimizer))
        if kernel is None or self.dtype not in PRECISE:
            super().update(gradients, optimizer)
            return
        clipped = optimizer.clip(self._parameters, gradients.parameters, stacked=self.stacked)
        steps, averages = self._own_slots(optimizer)
        self._own_parameters()
        # The kernels read memory in order, whatever the strides.
        ordered = [clipped[name].contiguous() for name in self._parameters]
        by_kind = list(zip(*(averages[name] for name in self._parameters), strict=True))[: optimizer.slot_count]
        kernel(optimizer, list(self._parameters.values()), ordered, by_kind, steps + 1)
        self._slots, self._lent = (steps + 1, averages), False

    def step(self, batch: DeviceBatch, optimizer: Optimizer) -> Tensor:
        """Run forward, backward and update, and return the loss before the update."""
        lent = self._lent
        tape = self.forward(batch)
        gradients = self.backward(tape)
        self._lent = lent  # the tape read the parameters, and is used up
        self.update(gradients, optimizer)
        return tape.loss

    def _own_parameters(self) -> None:
        if self._lent:
            self._parameters = {name: own(p) for name, p in self._parameters.items()}

    def _own_slots(self, optimizer: Optimizer) -> Slots:
        if self._slots is not None and not self._lent:
            return self._slots
        steps, averages = self._slots or optimizer.start(self._parameters)
        # At the start too, where one array of zeros stands for all averages of a parameter.
        return steps, {name: tuple(map(own, kept)) for name, kept in averages.items()}

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


def own(tensor: Tensor) -> Tensor:
    """Return a copy whose numbers lie in order."""
    return tensor.clone(memory_format=torch.contiguous_format)
