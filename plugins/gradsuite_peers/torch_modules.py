"""What the peers in PyTorch share: modules of torch.nn, losses of torch.nn.functional, autograd and torch.optim."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from gradsuite.backend import Batch, Gradients, Network, Tape
from gradsuite.model import Model
from gradsuite.optimizers import Optimizer
from torch import Tensor, nn
from torch.nn import functional

from gradsuite_peers.torch_optimizers import can_be_torchs, clip, follow_rate, of_torch

ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid, "identity": nn.Identity}


class DeviceBatch(NamedTuple):
    """A batch on the device, but for `lengths`, which PyTorch packs by on the host; targets are those that count."""

    inputs: Tensor
    targets: Tensor
    lengths: Tensor | None = None
    valid: Tensor | None = None
    state: tuple[Tensor, ...] | None = None


class ModuleNetwork(Network):
    """A network of torch.nn modules, whose parameters `named` finds by this suite's names."""

    def __init__(self, model: Model, parameters: Mapping[str, np.ndarray], *, device: str, dtype: str) -> None:
        self.torch_dtype = getattr(torch, dtype)
        self.readout = (
            nn.Linear(model.layer_output_size, model.output_size) if model.readout != "none" else nn.Identity()
        )
        self.modules = self.make(model).to(device, self.torch_dtype)
        self.readout.to(device, self.torch_dtype)
        named = self.named(model)
        with torch.no_grad():
            for name, value in parameters.items():
                named[name].copy_(torch.tensor(value))
        super().__init__(model, {name: named[name] for name in parameters}, device=device, dtype=dtype)
        self.rule: Optimizer | None = None  # of which `optimizer` is PyTorch's, at a rate of 1
        self.optimizer: torch.optim.Optimizer | None = None

    @abstractmethod
    def make(self, model: Model) -> nn.Module:
        """Return the modules of all layers."""

    @abstractmethod
    def named(self, model: Model) -> dict[str, nn.Parameter]:
        """Return every parameter by this suite's name."""

    def put(self, batch: Batch) -> DeviceBatch:
        """Copy a host batch to the device."""
        targets, targets_dtype = batch.targets, torch.int64 if self.model.loss == "cross_entropy" else self.torch_dtype
        lengths = valid = None
        if batch.lengths is not None:
            lengths, valid = torch.tensor(batch.lengths), torch.tensor(batch.valid, device=self.device)
            targets = targets[batch.valid] if self.model.readout == "all" else targets
        return DeviceBatch(
            torch.tensor(batch.without_padding(self.model).inputs, dtype=self.torch_dtype, device=self.device),
            torch.tensor(targets, dtype=targets_dtype, device=self.device),
            lengths,
            valid,
            None
            if batch.state is None
            else tuple(torch.tensor(kind, dtype=self.torch_dtype, device=self.device) for kind in batch.state),
        )

    def fetch(self, array: Tensor) -> np.ndarray:
        """Copy a tensor to the host."""
        copied: np.ndarray = array.detach().cpu().numpy().copy()
        return copied

    def synchronize(self) -> None:
        """Wait for the CUDA device."""
        if self.device == "cuda":
            torch.cuda.synchronize()

    def update(self, gradients: Gradients, optimizer: Optimizer) -> None:
        """Move the modules' parameters by torch.optim, or to the host's next ones for a rule that PyTorch lacks."""
        if not can_be_torchs(optimizer):
            self.follow_host(gradients, optimizer)
            return
        for name, parameter in self.parameters.items():
            parameter.grad = gradients.parameters[name].clone()  # clipping overwrites it
        self.move(optimizer)

    def step(self, batch: DeviceBatch, optimizer: Optimizer) -> Tensor:
        """Take one step of a training loop: zero the gradients, run forward, backward, clipping and the optimizer."""
        if not can_be_torchs(optimizer):
            loss: Tensor = super().step(batch, optimizer)
            return loss
        for parameter in self.parameters.values():
            parameter.grad = None
        tape = self.forward(batch)
        self.root(tape).backward()  # type: ignore[no-untyped-call]
        for parameter in self.parameters.values():
            if parameter.grad is None:  # torch.optim would leave it alone, its running averages too
                parameter.grad = torch.zeros_like(parameter)
        self.move(optimizer)
        return tape.loss

    def move(self, optimizer: Optimizer) -> None:
        """Clip the parameters' gradients and take a step of torch.optim, made when more than the rate changes."""
        if self.optimizer is None or self.slots is None or optimizer.with_lr(1.0) != self.rule:
            self.optimizer, self.slots = of_torch(optimizer, self.parameters, self.slots)
            self.rule = optimizer.with_lr(1.0)
        follow_rate(self.optimizer, optimizer.lr)
        clip(optimizer, self.parameters)
        self.optimizer.step()
        steps, averages = self.slots
        self.slots = steps + 1, averages

    def follow_host(self, gradients: Gradients, optimizer: Optimizer) -> None:
        """Copy the host's next parameters into the modules."""
        self.rule = None
        with torch.no_grad():
            following, self.slots = optimizer.apply(self.parameters, gradients.parameters, self.slots)
            for name, parameter in self.parameters.items():
                parameter.copy_(following[name])

    @staticmethod
    def root(tape: Tape) -> Tensor:
        """Return the loss that autograd can differentiate."""
        loss: Tensor = tape.saved[0]
        return loss

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the model's loss."""
        if self.model.loss == "mse":
            return functional.mse_loss(outputs, targets)
        if self.model.loss == "cross_entropy":
            return functional.cross_entropy(outputs.flatten(0, -2), targets.flatten())
        return (outputs * targets).sum(-1).mean()

    def parameter_gradients(self, loss: Tensor) -> dict[str, Tensor]:
        """Return the gradient of every parameter."""
        return self.gradients(loss, ())[0]

    def gradients(self, loss: Tensor, others: Sequence[Tensor]) -> tuple[dict[str, Tensor], tuple[Tensor, ...]]:
        """Return the gradient of every parameter by name, and those of other leaves."""
        leaves = [*self.parameters.values(), *others]
        found = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
        return dict(zip(self.parameters, found, strict=False)), found[len(self.parameters) :]


def readout_parameters(readout: nn.Module) -> dict[str, nn.Parameter]:
    """Return the readout's parameters by name; none without a readout."""
    return {f"readout.{name}": parameter for name, parameter in readout.named_parameters()}
