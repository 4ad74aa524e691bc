"""The table of remedies: what training does to horizon and loss."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from gradsuite.experiment import Table

from gradsuite_experiments.common.frames import trials, value, values
from gradsuite_experiments.remedies import laws
from gradsuite_experiments.remedies.networks import REMEDIES


def training_table(rows: pd.DataFrame) -> Iterator[Table]:
    """Yield horizon and loss of the first network before and after training, if one was trained."""
    lines = [
        {
            "remedy": REMEDIES[settings["remedy"]].title,
            "backend": backend,
            "horizon": round(value(trial, laws.HORIZON, member=0), 1),
            "trained": round(value(trial, laws.HORIZON_TRAINED), 1),
            "loss": round(value(trial, laws.LOSS), 4),
            "loss trained": round(value(trial, laws.LOSS_TRAINED), 4),
            "seconds per step": float(f"{np.median(values(trial, laws.SECONDS)):.3g}"),
        }
        for backend, settings, trial in trials(rows)
        if settings["training_steps"]
    ]
    if lines:
        steps = rows["training_steps"].max()
        yield Table(
            "What training does to the horizon",
            f"The first network before and after {steps:g} steps of Adam; chance is ln 4 = 1.3863.",
            pd.DataFrame(lines),
        )
