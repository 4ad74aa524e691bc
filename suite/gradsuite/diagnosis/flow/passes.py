"""Passes over a patient: the state gradients of any of its batches, at each layer by lag."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradsuite.backend import Batch, Gradients
from gradsuite.diagnosis.flow import reads
from gradsuite.diagnosis.flow.flow import Flow, by_lag
from gradsuite.diagnosis.patient import Patient
from gradsuite.model import Model
from gradsuite.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Passes:
    """One model with parameters, on a patient's backend and device, computed in float64 where the backend has it."""

    patient: Patient
    model: Model
    parameters: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, patient: Patient) -> "Passes":
        """Return those of the patient as it is."""
        return cls(patient, patient.model, patient.parameters)

    @property
    def dtype(self) -> str:
        """The dtype of all passes: float64, or the patient's own where its backend has no float64."""
        return "float64" if "float64" in self.patient.backend.describe().dtypes else self.patient.dtype

    def network(self, schedule: Schedule = Schedule()) -> Any:
        """Build the network. Raises Unsupported for what the backend does not claim."""
        built: dict[str, Any] = {"device": self.patient.device, "dtype": self.dtype, "schedule": schedule}
        return self.patient.backend.build(self.model, self.parameters, **built)

    def gradients(self, batch: Batch, *, states: bool = False, schedule: Schedule = Schedule()) -> Gradients:
        """Return one batch's gradients on the host. Raises Unsupported for what the backend does not claim."""
        network = self.network(schedule)
        tape = network.forward(network.put(batch), states=states)
        found: Gradients = network.fetch_gradients(network.backward(tape))
        return found

    def gradient_by_layers(self, batch: Batch) -> np.ndarray:
        """Return one batch's gradient by all parameters of the layers, as a vector."""
        parameters = self.gradients(batch).parameters
        return np.concatenate([g.ravel() for name, g in parameters.items() if not name.startswith("readout.")])

    def outputs(self, batch: Batch) -> np.ndarray:
        """Return the outputs of every step (T, B, directions * H)."""
        network = self.network()
        fetched: np.ndarray = network.fetch(network.forward(network.put(batch)).outputs)
        return fetched

    def flows(self, batch: Batch, *, reverse: bool = False) -> list[Flow]:
        """Return the flow of each layer in one direction, of the gradient that direction has at its last read step.

        The norm is over h, and c where the cell has both.
        """
        model = self.model
        found = self.gradients(reads.own_gradient(model, batch, reverse=reverse), states=True)
        kinds = [one for one in (found.states, found.cell_states) if one is not None]
        norms = np.sqrt(sum(np.square(one, dtype=np.float64).sum(axis=-1) for one in kinds))  # (T, layers, B)
        last, lengths = reads.last_reads(model, batch, reverse=reverse), batch.valid.sum(axis=0)
        return [
            Flow(
                name_of(layer, model.num_layers, reverse=reverse),
                by_lag(norms[:, number], last, lengths, reverse=reverse),
                len(kinds) * model.hidden_size,
                reverse=reverse,
            )
            for number, (layer, way) in enumerate(model.layers_and_directions)
            if way == reverse
        ]


def name_of(layer: int, layers: int, *, reverse: bool) -> str:
    """Return a layer's name in words, counted from 1, with its direction if it is the backward one."""
    name = "the layer" if layers == 1 else f"layer {layer + 1}"
    return f"{name}, backward" if reverse else name
