"""The patient: the recurrent layers of somebody's network as the suite computes them, and the data they are seen on."""

from dataclasses import dataclass, field

import numpy as np

from gradsuite.backend import Backend, Batch
from gradsuite.diagnosis.patient.trouble import Trouble
from gradsuite.model import Model
from gradsuite.parameters import Parameters


@dataclass(frozen=True, slots=True)
class Seen:
    """What the whole network did on one batch, as its own framework computed it.

    `batch` is what reached the recurrent layers: their inputs, lengths and state; its targets are such that the
    patient's model, whose loss is an inner product, has the whole network's own gradient by every output of theirs.
    `loss` is the network's own, `gradient_norm` that over all its parameters, before any clipping.
    """

    batch: Batch
    loss: float
    gradient_norm: float


@dataclass(frozen=True, slots=True)
class Swap:
    """How far the suite's layers are from the original's: largest relative differences, by norms."""

    outputs: float
    parameters: float  # of the gradients by the layers' parameters
    backend: str
    dtype: str


@dataclass(frozen=True, slots=True)
class Patient:
    """Recurrent layers with their data, ready to be computed by any backend.

    `model` has readout `all` with a readout that is the identity, and loss `inner_product`: its state gradients are
    those of the whole network's own loss, whatever stands above the layers. `swap` is None where nothing was swapped,
    and `trouble` where all numbers are finite.
    """

    title: str  # as its owner knows it: "encoder.lstm of model.safetensors"
    model: Model
    parameters: Parameters
    seen: tuple[Seen, ...]
    backend: Backend
    device: str = "cpu"
    dtype: str = "float64"
    swap: Swap | None = None
    trouble: Trouble | None = None
    notes: tuple[str, ...] = field(default=(), kw_only=True)  # what was assumed, in whole sentences

    @property
    def gradient_norms(self) -> tuple[float, ...]:
        """Those of the whole network on each batch, before any clipping."""
        return tuple(seen.gradient_norm for seen in self.seen)

    @property
    def is_finite(self) -> bool:
        """Whether all numbers that a pass begins with are finite: parameters, and what counts of the first batch."""
        batch = self.seen[0].batch
        counted = (batch.inputs[batch.valid], batch.targets[batch.valid], *self.parameters.values())
        return all(np.isfinite(one).all() for one in counted)


def with_identity(model: Model, parameters: Parameters) -> Parameters:
    """Return the layers' parameters with a readout that is the identity, as a patient's model has it."""
    width = model.layer_output_size
    return parameters | {"readout.weight": np.eye(width), "readout.bias": np.zeros(width)}
