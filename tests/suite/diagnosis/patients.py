"""Patients made by hand, of models and batches alone: what a stranger's network is once it was read."""

import gradsuite
import numpy as np
from gradsuite.backend import Batch
from gradsuite.diagnosis.patient import Patient, Seen, with_identity
from gradsuite.model import Model
from gradsuite.parameters import Initialisation, initialise


def model_of(cell="lstm", *, inputs=4, units=32, layers=1, activation="tanh", bidirectional=False):
    width = units * (1 + bidirectional)
    return Model(
        cell,
        inputs,
        units,
        output_size=width,
        num_layers=layers,
        activation=activation,
        readout="all",
        loss="inner_product",
        bidirectional=bidirectional,
    )


def batch_of(model, steps, *, size=16, every=False, seed=0, scale=1.0, **features):
    """Return random inputs, and a random gradient by the outputs: by the last one, or by those of `every` step."""
    rng = np.random.default_rng(seed)
    targets = rng.standard_normal((steps, size, model.output_size)) * scale
    if not every:
        targets[:-1] = 0.0
    return Batch(rng.standard_normal((steps, size, model.input_size)), targets, **features)


def patient_of(model, parameters, *batches, backend="numpy", **about):
    seen = tuple(Seen(batch, 1.0, 1.0 + number) for number, batch in enumerate(batches))
    return Patient("a patient", model, with_identity(model, parameters), seen, gradsuite.backend(backend), **about)


def drawn(cell, steps, initialisation=Initialisation(), *, backend="numpy", every=False, **sizes):
    """Return a patient as it is drawn."""
    model = model_of(cell, **sizes)
    batch = batch_of(model, steps, every=every)
    return patient_of(model, initialise(model, initialisation, seed=1), batch, backend=backend)
