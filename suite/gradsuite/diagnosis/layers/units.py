"""The units over the data: those of relu that are dead, and those of tanh that are saturated."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gradsuite.diagnosis.layers.states import LayerSeen
from gradsuite.diagnosis.thresholds import SATURATED
from gradsuite.model import Model


def frame(model: Model, seen: Sequence[LayerSeen]) -> pd.DataFrame:
    """Return a row for each layer of a plain recurrent cell: the share of `dead` units and of `saturated` values.

    A unit of relu is dead if it is zero at every step of every sequence; a value of tanh is saturated beyond 0.95. No
    rows for other cells and activations, whose states have no such ends.
    """
    rows = []
    for layer in seen if model.cell == "rnn" else ():
        if model.activation == "relu":
            rows.append({"layer": layer.name, "dead": float((layer.after == 0).all(axis=0).mean())})
        elif model.activation == "tanh":
            rows.append({"layer": layer.name, "saturated": float((np.abs(layer.after) > 1.0 - SATURATED).mean())})
    return pd.DataFrame(rows, columns=["layer", "dead", "saturated"])
