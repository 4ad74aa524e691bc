"""The recurrent weights: spectral radius and 2-norm of each gate's block."""

import numpy as np
import pandas as pd

from gradsuite.cells import find
from gradsuite.diagnosis.flow import name_of
from gradsuite.diagnosis.patient import Patient

GATES = {  # names of the row blocks, in PyTorch's order
    "rnn": ("",),
    "lstm": ("input gate", "forget gate", "candidate", "output gate"),
    "gru": ("reset gate", "update gate", "candidate"),
}


def weights(patient: Patient) -> pd.DataFrame:
    """Return a row for each block of each matrix between states: `layer`, `block`, `radius` and `norm`.

    The spectral radius is the largest modulus of an eigenvalue, the norm the largest singular value.
    """
    model, cell = patient.model, find(patient.model.cell)
    rows = []
    for layer, reverse in model.layers_and_directions:
        for name, parameter in model.layer_parameters(layer).items():
            if not parameter.between_states:
                continue
            weight = np.asarray(patient.parameters[cell.name_of(name, layer, reverse=reverse)], np.float64)
            blocks = GATES.get(model.cell, tuple(f"block {number + 1}" for number in range(parameter.gates)))
            for block, matrix in zip(blocks, np.split(weight, parameter.gates), strict=True):
                rows.append(
                    {
                        "layer": name_of(layer, model.num_layers, reverse=reverse),
                        "block": block or "recurrent weights",
                        "radius": float(abs(np.linalg.eigvals(matrix)).max()),
                        "norm": float(np.linalg.norm(matrix, 2)),
                    }
                )
    return pd.DataFrame(rows, columns=["layer", "block", "radius", "norm"])
