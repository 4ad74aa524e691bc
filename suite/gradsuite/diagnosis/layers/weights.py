"""The recurrent weights: spectral radius and 2-norm of each gate's block."""

import numpy as np
import pandas as pd

from gradsuite.cells import find
from gradsuite.diagnosis.flow import name_of
from gradsuite.diagnosis.layers.gates import CANDIDATE, NAMES
from gradsuite.diagnosis.patient import Patient

WHOLE = "recurrent weights"  # the name of a matrix that is one block


def frame(patient: Patient) -> pd.DataFrame:
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
            names = block_names(model.cell, parameter.gates)
            for block, matrix in zip(names, np.split(weight, parameter.gates), strict=True):
                rows.append(
                    {
                        "layer": name_of(layer, model.num_layers, reverse=reverse),
                        "block": block,
                        "radius": float(abs(np.linalg.eigvals(matrix)).max()),
                        "norm": float(np.linalg.norm(matrix, 2)),
                    }
                )
    return pd.DataFrame(rows, columns=["layer", "block", "radius", "norm"])


def block_names(cell: str, count: int) -> list[str]:
    """Return what the row blocks of a matrix between states are called: by their gates, if they are known."""
    if count == 1:
        return [WHOLE]
    if cell in NAMES:
        return [CANDIDATE if name == CANDIDATE else f"{name} gate" for name in NAMES[cell]]
    return [f"block {number + 1}" for number in range(count)]
