"""The gates over the data: what they let through on average, how many are saturated, and time constants."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import expit, log_expit

from gradsuite.diagnosis.layers.states import LayerSeen
from gradsuite.diagnosis.thresholds import SATURATED
from gradsuite.parameters import KEEP_GATE

CANDIDATE = "candidate"
# In PyTorch's order; the candidate, which is no gate, has its place among them.
NAMES = {"lstm": ("input", "forget", CANDIDATE, "output"), "gru": ("reset", "update", CANDIDATE)}
KEEPS = {cell: names[KEEP_GATE[cell]] for cell, names in NAMES.items()}  # the gate that keeps the state
COLUMNS = ["layer", "gate", "mean", "saturated", "time_constant_low", "time_constant", "time_constant_high"]


def frame(cell: str, seen: Sequence[LayerSeen]) -> pd.DataFrame:
    """Return a row for each gate of each layer: its mean, and the share of its values below 0.05 or above 0.95.

    For the gate that keeps the state, time constants -1 / E ln f of its units too, in steps: 10, 50 and 90%. No rows
    for other cells than lstm and gru.
    """
    rows = []
    for layer in seen if cell in NAMES else ():
        for name, z in zip(NAMES[cell], preactivations(cell, layer), strict=True):
            if name == CANDIDATE:
                continue
            values = expit(z)
            row = {
                "layer": layer.name,
                "gate": name,
                "mean": float(values.mean()),
                "saturated": float(((values < SATURATED) | (values > 1.0 - SATURATED)).mean()),
            }
            if name == KEEPS[cell]:
                row |= zip(COLUMNS[4:], np.quantile(-1.0 / log_expit(z).mean(axis=0), [0.1, 0.5, 0.9]), strict=True)
            rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def preactivations(cell: str, layer: LayerSeen) -> list[np.ndarray]:
    """Return what each gate is the sigmoid of (rows, H), from what the layer read and had, in the order of NAMES.

    A gru's candidate, whose reset gate stands between the two parts, has their sum: it is not looked at.
    """
    p = layer.parameters
    z = layer.inputs @ p.weight_ih.T + p.bias_ih + layer.before @ p.weight_hh.T + p.bias_hh
    return np.split(z, len(NAMES[cell]), axis=1)


def kept(cell: str, layer: LayerSeen, longest: int) -> np.ndarray:
    """Return what the gate that keeps the state leaves of a gradient by itself, by lag: (longest + 1,).

    The root mean square over units of e^(k E ln f), E the mean over the data.
    """
    logs = log_expit(preactivations(cell, layer)[KEEP_GATE[cell]]).mean(axis=0)
    lags = np.arange(longest + 1)[:, np.newaxis]
    curve: np.ndarray = np.sqrt(np.exp(2.0 * lags * logs).mean(axis=1))
    return curve
