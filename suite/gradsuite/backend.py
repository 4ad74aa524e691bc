"""The interface that a backend implements: build a network, then put, forward, backward.

Host arrays (NumPy) go in and come out; what lies between belongs to the backend and is opaque to the host.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from gradsuite.batch import OPTIONAL, Batch
from gradsuite.description import FEATURES, STATE_GRADIENTS, BackendInfo
from gradsuite.errors import Unsupported
from gradsuite.model import Model, is_stacked
from gradsuite.optimizers import Optimizer, Slots
from gradsuite.schedule import Schedule

Array = Any  # a backend's own array type; only that backend looks inside
DeviceBatch = Any
Put = Callable[[Any, Batch], DeviceBatch]

__all__ = [
    "FEATURES",
    "OPTIONAL",
    "STATE_GRADIENTS",
    "Array",
    "Backend",
    "BackendInfo",
    "Batch",
    "DeviceBatch",
    "Gradients",
    "Network",
    "Tape",
]


@dataclass(slots=True)
class Tape:
    """What one forward pass returns: the scalar loss, the outputs, and what backward needs.

    A tape is good for one backward pass. Given a batch with a `state`, `last_state` holds the states after the last
    step, of each sequence at its length, in the same form: what the next batch carries on from.
    """

    loss: Array
    outputs: Array
    saved: Any = None
    last_state: tuple[Array, ...] | None = field(default=None, kw_only=True)


@dataclass(slots=True)
class Gradients:
    """What one backward pass returns.

    `parameters` maps each parameter's name to its gradient. With `forward(..., states=True)`, `states`
    holds the state gradients dL/dh, the total derivative, as (T, layers, B, H), or (layers, B, H) for
    `mlp`; and for cells of two states, such as `lstm`, `cell_states` holds dL/dc likewise. Given a batch with a
    `state`, `initial_state` holds the gradients by it, in the same form.
    """

    parameters: Mapping[str, Array]
    states: Array | None = None
    cell_states: Array | None = None
    initial_state: tuple[Array, ...] | None = field(default=None, kw_only=True)


class Network(ABC):
    """A model with parameters, bound by a backend to a device and a dtype.

    `forward` and `backward` change nothing: two calls on one batch give the same bits. Only `update`
    (and `step`) change the parameters. Calls may return before the device has finished; `synchronize`
    waits.

    `batch_features` are of what a batch may have besides inputs and targets (`lengths`, `state`, `masks`) what `put`
    copies too. A batch with another is refused before it reaches `put`, which would leave it out in silence.
    """

    batch_features: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        """Have `put` refuse what it does not copy, and what is not the model's."""
        super().__init_subclass__(**options)
        if "put" in vars(cls):
            cls.put = _refusing(cls.put)  # type: ignore[assignment, method-assign]

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
        initial = gradients.initial_state
        return Gradients(
            parameters={name: self.fetch(array) for name, array in gradients.parameters.items()},
            states=None if gradients.states is None else self.fetch(gradients.states),
            cell_states=None if gradients.cell_states is None else self.fetch(gradients.cell_states),
            initial_state=None if initial is None else tuple(map(self.fetch, initial)),
        )


def _refusing(put: Put) -> Put:
    """Return `put` as it is called: with a batch that it can copy whole, or not at all."""

    @wraps(put)
    def checked(network: Network, batch: Batch) -> DeviceBatch:
        for feature in batch.features:
            if feature not in network.batch_features:
                has = ", ".join(network.batch_features) or "none"
                raise Unsupported(f"{type(network).__name__} has no batches with {feature} (it has: {has})")
        if batch.features and network.stacked:
            raise Unsupported(f"a batch with {batch.features[0]} is for one network, not for a stack")
        batch.check(network.model)
        return put(network, batch)

    return checked


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
