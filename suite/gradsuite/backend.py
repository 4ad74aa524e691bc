"""The interface a backend implements: build a network, then put, forward, backward.

Host arrays (NumPy) go in and come out; what is between is the backend's own and opaque to the host.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from gradsuite.errors import Unsupported
from gradsuite.model import ACTIVATIONS, LOSSES, READOUTS, Model, parameter_shapes
from gradsuite.optimizers import Optimizer, Slots

Array = Any  # a backend's own array type; only that backend looks inside
DeviceBatch = Any
STATE_GRADIENTS = ("states", "cell_states")  # the fields of Gradients that `forward(..., states=True)` brings


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch on the host.

    `inputs` is (T, B, I), or (B, I) for `mlp`; `targets` has `model.targets_shape(inputs.shape)`:
    integers for `cross_entropy`, floats otherwise.
    """

    inputs: np.ndarray
    targets: np.ndarray


@dataclass(slots=True)
class Tape:
    """What one forward pass leaves behind: the scalar loss, the outputs, and what backward needs.

    A tape is good for one backward pass.
    """

    loss: Array
    outputs: Array
    saved: Any = None


@dataclass(slots=True)
class Gradients:
    """What one backward pass gives.

    `parameters` maps each parameter's name to its gradient. With `forward(..., states=True)`, `states`
    holds the state gradients dL/dh, the total derivative, as (T, layers, B, H), or (layers, B, H) for
    `mlp`; and for `lstm` `cell_states` holds dL/dc likewise.
    """

    parameters: Mapping[str, Array]
    states: Array | None = None
    cell_states: Array | None = None


@dataclass(frozen=True, slots=True)
class BackendInfo:
    """What a backend is and what it claims; the host refuses, as `unsupported`, whatever is not claimed.

    `versions` names each package that computes, with its version; `features` are optional abilities.
    `activations` is by cell. A backend without state gradients (`state_gradients=()`) raises Unsupported if a forward
    pass is asked for them; one with `states` alone has None for `cell_states`. `libraries` tells what it computes with,
    a line each, such as `torch: MKL 2024.2`; the worker adds the BLAS and thread pools that it finds.
    """

    name: str
    versions: Mapping[str, str]
    devices: tuple[str, ...]
    dtypes: tuple[str, ...]
    cells: tuple[str, ...]
    activations: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(ACTIVATIONS))
    readouts: tuple[str, ...] = READOUTS
    losses: tuple[str, ...] = LOSSES
    max_layers: int | None = None
    state_gradients: tuple[str, ...] = STATE_GRADIENTS
    features: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()

    def refusal(self, model: Model, device: str, dtype: str) -> str | None:
        """Return why this model on this device in this dtype is not claimed, or None if it is."""
        wanted = (
            ("device", device, self.devices),
            ("dtype", dtype, self.dtypes),
            ("cell", model.cell, self.cells),
            ("activation", model.activation, self.activations.get(model.cell, ())),
            ("readout", model.readout, self.readouts),
            ("loss", model.loss, self.losses),
        )
        for kind, value, claimed in wanted:
            if value not in claimed:
                return f"{self.name} has no {kind} {value!r} (it has: {', '.join(claimed) or 'none'})"
        if self.max_layers is not None and model.num_layers > self.max_layers:
            return f"{self.name} has at most {self.max_layers} layers, not {model.num_layers}"
        return None


class Network(ABC):
    """A model with parameters, bound by a backend to a device and a dtype.

    `forward` and `backward` change nothing: two calls on one batch give the same bits. Only `update`
    (and `step`) change the parameters. Calls may return before the device has finished; `synchronize`
    waits.
    """

    def __init__(self, model: Model, parameters: Mapping[str, Array], *, device: str, dtype: str) -> None:
        """Bind `parameters`, already this backend's own arrays on `device` in `dtype`."""
        self.model = model
        self.parameters: Mapping[str, Array] = parameters
        self.device = device
        self.dtype = dtype
        self.slots: Slots | None = None

    @abstractmethod
    def put(self, batch: Batch) -> DeviceBatch:
        """Copy a host batch to the device, floats in this network's dtype. Never timed."""

    @abstractmethod
    def forward(self, batch: DeviceBatch, *, states: bool = False) -> Tape:
        """Compute the loss and outputs, and keep what `backward` needs, state gradients too if `states`."""

    @abstractmethod
    def backward(self, tape: Tape) -> Gradients:
        """Compute the gradients of `tape.loss`; the tape is used up."""

    @abstractmethod
    def fetch(self, array: Array) -> np.ndarray:
        """Copy one of this backend's arrays to the host, waiting for it, in its own dtype."""

    def synchronize(self) -> None:
        """Return when the device is idle; nothing to wait for unless a backend is asynchronous."""
        return

    def is_ready(self, array: Array) -> bool | None:
        """Return whether an array is computed, without waiting; None where nobody can say.

        The default asks the array, as JAX's can be; where a queue knows and the array does not, ask the queue.
        """
        ask = getattr(array, "is_ready", None)
        return None if ask is None else bool(ask())

    def update(self, gradients: Gradients, optimizer: Optimizer) -> None:
        """Replace the parameters by the optimizer's next ones; its slots live as long as the network."""
        name, parameter = next(iter(self.parameters.items()))
        stacked = parameter.ndim > len(parameter_shapes(self.model).get(name, parameter.shape))
        self.parameters, self.slots = optimizer.apply(
            self.parameters, gradients.parameters, self.slots, stacked=stacked
        )

    def step(self, batch: DeviceBatch, optimizer: Optimizer) -> Array:
        """Run forward, backward and update, and return the loss before the update."""
        tape = self.forward(batch)
        self.update(self.backward(tape), optimizer)
        return tape.loss

    def fetch_gradients(self, gradients: Gradients) -> Gradients:
        """Copy all gradients to the host."""
        return Gradients(
            parameters={name: self.fetch(array) for name, array in gradients.parameters.items()},
            states=None if gradients.states is None else self.fetch(gradients.states),
            cell_states=None if gradients.cell_states is None else self.fetch(gradients.cell_states),
        )


class Backend(ABC):
    """One way to compute backprop and BPTT."""

    name: ClassVar[str]

    @abstractmethod
    def describe(self) -> BackendInfo:
        """Return versions, devices, dtypes and cells; cheap."""

    @abstractmethod
    def build(
        self, model: Model, parameters: Mapping[str, np.ndarray], *, device: str = "cpu", dtype: str = "float32"
    ) -> Network:
        """Bind host parameters, by PyTorch's names, to a device and a dtype.

        Raises Unsupported for what `describe` does not claim: begin with `self.require(...)`.
        """

    def multiplications(
        self, left: np.ndarray, right: np.ndarray, times: int, *, device: str = "cpu"
    ) -> Sequence[Callable[[], object]]:
        """Return calls that multiply two host matrices `times` times, one product after the other, and wait for it.

        One call for each library that this backend can multiply with, none by default. They are what this machine
        can do at best, and the time of a gradient is held against that; the matrices are on the device beforehand.
        """
        return ()

    def require(self, model: Model, device: str, dtype: str) -> None:
        """Raise Unsupported unless `describe` claims this model on this device in this dtype."""
        if reason := self.describe().refusal(model, device, dtype):
            raise Unsupported(reason)


class FrontDoor(ModuleType):
    """This module, called: `gradsuite.backend("numpy")`, though `gradsuite.backend` is where plugins import from.

    An import of a submodule sets the name on its package, so a function of the same name cannot stand there.
    """

    def __call__(self, name: str) -> Backend:
        """Return the backend of this name, ready to build networks in this process. Raises UserError."""
        from gradsuite.worker.loading import load_backend

        return load_backend(name)


sys.modules[__name__].__class__ = FrontDoor  # as the Python data model has it: "Customizing module attribute access"
