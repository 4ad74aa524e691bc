"""The interface that a backend implements: build a network, then put, forward, backward.

Host arrays (NumPy) go in and come out; what lies between belongs to the backend and is opaque to the host.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from gradsuite.errors import Unsupported, unknown
from gradsuite.model import ACTIVATIONS, LOSSES, READOUTS, Model, is_stacked
from gradsuite.optimizers import Optimizer, Slots
from gradsuite.schedule import Schedule

Array = Any  # a backend's own array type; only that backend looks inside
DeviceBatch = Any
STATE_GRADIENTS = ("states", "cell_states")  # the fields of Gradients that `forward(..., states=True)` fills
# Optional: what a backend may claim beyond the rest; `autodiff` is any registered cell, from its equations.
FEATURES = ("stack", "truncation", "checkpoint", "scan", "autodiff")


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
    """What one forward pass returns: the scalar loss, the outputs, and what backward needs.

    A tape is good for one backward pass.
    """

    loss: Array
    outputs: Array
    saved: Any = None


@dataclass(slots=True)
class Gradients:
    """What one backward pass returns.

    `parameters` maps each parameter's name to its gradient. With `forward(..., states=True)`, `states`
    holds the state gradients dL/dh, the total derivative, as (T, layers, B, H), or (layers, B, H) for
    `mlp`; and for cells of two states, such as `lstm`, `cell_states` holds dL/dc likewise.
    """

    parameters: Mapping[str, Array]
    states: Array | None = None
    cell_states: Array | None = None


@dataclass(frozen=True, slots=True)
class BackendInfo:
    """What a backend is and what it claims; whatever is not claimed is refused as `unsupported`.

    `versions` maps each package that computes to its version; `activations` is by cell; `features` are of FEATURES.
    A backend without state gradients (`state_gradients=()`) raises Unsupported if a forward pass is asked for them; one
    with `states` alone leaves `cell_states` None. `libraries` says what it computes with, one line per library, such
    as `torch: MKL 2024.2`; the worker adds the BLAS and thread pools that it finds.

    Raises UserError for an unknown feature: misspelled, it would never be used, and nothing would say why. For an
    unknown field too: whoever types `gradsuite check` reads one line, and no traceback of a dataclass.
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

    def __new__(cls, *_: Any, **fields: Any) -> "BackendInfo":
        """Refuse a misspelled field by the nearest name, before the dataclass's own `__init__` sees it."""
        for name in fields:
            if name not in cls.__slots__:
                raise unknown("field of BackendInfo", name, cls.__slots__)
        return object.__new__(cls)

    def __post_init__(self) -> None:
        for feature in self.features:
            if feature not in FEATURES:
                raise unknown(f"feature of {self.name}", feature, FEATURES)

    def differentiates(self, cell: str) -> bool:
        """Whether this cell runs by autodiff, from its equations: one that is not written by hand."""
        return "autodiff" in self.features and cell not in self.cells

    def refusal(
        self, model: Model, device: str, dtype: str, schedule: Schedule = Schedule(), *, stacked: bool = False
    ) -> str | None:
        """Return why this model on this device in this dtype is not claimed, or None if it is.

        `schedule` and `stacked` (parameters with a leading axis of networks) need features of their own.
        """
        features = ("stack", *schedule.features) if stacked else schedule.features
        of_cell: tuple[tuple[str, str, Sequence[str]], ...] = (
            ("cell", model.cell, self.cells),
            ("activation", model.activation, self.activations.get(model.cell, ())),
        )
        wanted = (
            ("device", device, self.devices),
            ("dtype", dtype, self.dtypes),
            *(() if self.differentiates(model.cell) else of_cell),
            ("readout", model.readout, self.readouts),
            ("loss", model.loss, self.losses),
            *(("feature", feature, self.features) for feature in features),
        )
        for kind, value, claimed in wanted:
            if value not in claimed:
                return f"{self.name} has no {kind} {value!r} (it has: {', '.join(claimed) or 'none'})"
        by_hand = [feature for feature in schedule.features if feature != "scan"]
        if by_hand and self.differentiates(model.cell):
            return f"{self.name} has no {' and '.join(by_hand)} for cells by autodiff, such as {model.cell!r}"
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
        """Bind `parameters`, already this backend's own arrays on `device` in `dtype`.

        `stacked` is whether they are a stack of networks. Raises UserError for parameters that are not the model's.
        """
        self.model = model
        self.parameters: Mapping[str, Array] = parameters
        self.stacked = is_stacked(model, parameters)
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
        """Wait until the device is idle; does nothing unless a backend is asynchronous."""
        return

    def is_ready(self, array: Array) -> bool | None:
        """Return whether an array is computed, without waiting; None where that cannot be known.

        By default the array is asked, as JAX's can be; where only a queue knows, override this and ask the queue.
        """
        ask = getattr(array, "is_ready", None)
        return None if ask is None else bool(ask())

    def update(self, gradients: Gradients, optimizer: Optimizer) -> None:
        """Replace the parameters with the optimizer's next ones; its slots live as long as the network."""
        self.parameters, self.slots = optimizer.apply(
            self.parameters, gradients.parameters, self.slots, stacked=self.stacked
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
        self,
        model: Model,
        parameters: Mapping[str, np.ndarray],
        *,
        device: str = "cpu",
        dtype: str = "float32",
        schedule: Schedule = Schedule(),
    ) -> Network:
        """Bind host parameters, by PyTorch's names, to a device and a dtype.

        A leading axis on every parameter makes a stack of networks; `schedule` splits the backward pass over time.
        Raises Unsupported for what `describe` does not claim and UserError for what makes no sense: begin with
        `self.require(model, parameters, device, dtype, schedule)`, which raises both.
        """

    def require(
        self,
        model: Model,
        parameters: Mapping[str, np.ndarray],
        device: str,
        dtype: str,
        schedule: Schedule = Schedule(),
    ) -> None:
        """Raise Unsupported unless `describe` claims all of this, a stack and the schedule included.

        Raises UserError for parameters that are not the model's, and for a schedule of a model without time steps.
        """
        schedule.check(model)
        stacked = is_stacked(model, parameters)
        if reason := self.describe().refusal(model, device, dtype, schedule, stacked=stacked):
            raise Unsupported(reason)

    def multiplications(
        self, left: np.ndarray, right: np.ndarray, times: int, *, device: str = "cpu"
    ) -> Sequence[Callable[[], object]]:
        """Return calls that multiply two host matrices `times` times, one product after another, and wait for the last.

        One call per library that this backend can multiply with; none by default. The fastest is the best that this
        machine can do, which gradients are compared with. The matrices are copied to the device beforehand.
        """
        return ()


class FrontDoor(ModuleType):
    """This module, called: `gradsuite.backend("numpy")`, though `gradsuite.backend` is where plugins import from.

    An import of a submodule sets the name on its package, so a function of the same name cannot stand there.
    """

    def __call__(self, name: str) -> Backend:
        """Return the backend of this name, ready to build networks in this process. Raises UserError."""
        from gradsuite.worker.loading import load_backend

        return load_backend(name)


sys.modules[__name__].__class__ = FrontDoor  # as the Python data model has it: "Customizing module attribute access"
