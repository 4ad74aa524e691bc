"""The layers one by one on the patient's data: what each reads and the states before and after every step."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np

from gradsuite.backend import Batch
from gradsuite.cells import find
from gradsuite.diagnosis.flow import Passes, name_of
from gradsuite.diagnosis.patient import Patient, with_identity


@dataclass(frozen=True, slots=True)
class LayerSeen:
    """One layer in one direction: its parameters, and a row for every step of every sequence that counts.

    `inputs` are (rows, I), h `before` and `after` the step (rows, H).
    """

    name: str
    parameters: SimpleNamespace
    inputs: np.ndarray
    before: np.ndarray
    after: np.ndarray


def layers(patient: Patient, batch: Batch) -> Iterator[LayerSeen]:
    """Yield each layer in each direction: the patient's backend runs them one after another, each on its own."""
    model, cell = patient.model, find(patient.model.cell)
    x, valid = batch.inputs, batch.valid
    for layer in range(model.num_layers):
        alone = replace(
            model, input_size=model.layer_input_size(layer), num_layers=1, output_size=model.layer_output_size
        )
        numbers = slice(layer * model.directions, (layer + 1) * model.directions)
        state = None if batch.state is None else tuple(one[numbers] for one in batch.state)
        own = {
            cell.name_of(name, 0, reverse=reverse): patient.parameters[cell.name_of(name, layer, reverse=reverse)]
            for reverse in (False, True)[: model.directions]
            for name in model.layer_parameters(layer)
        }
        targets = np.zeros((*x.shape[:2], model.layer_output_size))
        only = Batch(x, targets, lengths=batch.lengths, state=state)
        out = Passes(patient, alone, with_identity(alone, own)).outputs(only)
        for way, h in enumerate(np.split(out, model.directions, axis=-1)):
            start = np.zeros_like(h[0]) if state is None else state[0][way]
            yield LayerSeen(
                name_of(layer, model.num_layers, reverse=bool(way)),
                model.of_layer(patient.parameters, layer, reverse=bool(way)),
                x[valid],
                _before(h, start, valid, reverse=bool(way))[valid],
                h[valid],
            )
        x = out if batch.masks is None else out * _side_by_side(batch.masks[:, numbers])


def _before(h: np.ndarray, start: np.ndarray, valid: np.ndarray, *, reverse: bool) -> np.ndarray:
    """Return the state before each step, from those after (T, B, H) and the one before the first (B, H)."""
    if not reverse:
        return np.concatenate([start[np.newaxis], h[:-1]])
    later = np.concatenate([h[1:], start[np.newaxis]])
    ends = valid.sum(axis=0) - 1
    later[ends, np.arange(len(ends))] = start
    return later


def _side_by_side(masks: np.ndarray) -> np.ndarray:
    """Return masks (T or 1, directions, B, H) as outputs have them, (T or 1, B, directions * H)."""
    return np.concatenate(list(np.moveaxis(masks, 1, 0)), axis=-1)
