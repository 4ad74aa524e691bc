"""Bytes a step: what was measured, and what backward has to read."""

from typing import TYPE_CHECKING, Any

import numpy as np

from gradsuite_experiments.common.sweep import BYTES

if TYPE_CHECKING:
    import pandas as pd

KEPT = {"rnn": 1, "lstm": 6, "gru": 5}


def slope_of(rows: "pd.DataFrame") -> float:
    """Return bytes a step: the slope of the memory over T."""
    own = rows[rows["metric"] == "memory"]
    return float(np.polyfit(own["length"].to_numpy(float), own["value"].to_numpy(float), 1)[0])


def needed_a_step(settings: "pd.Series[Any]") -> float:
    """Return the bytes a step that backward has to read."""
    numbers = KEPT[settings["cell"]] * settings["batch_size"] * settings["hidden_size"]
    return float(numbers * BYTES[settings["dtype"]])
