"""The table of remedies: what training does to horizon and loss."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from gradsuite.experiment import Table

from gradsuite_experiments.common.frames import trials, value, values
from gradsuite_experiments.remedies import laws
from gradsuite_experiments.remedies.cost import cost
from gradsuite_experiments.remedies.networks import REMEDIES


def training_table(rows: pd.DataFrame) -> Iterator[Table]:
    """Yield horizon and loss of the first network before and after training, if one was trained."""
    lines = [
        {
            "remedy": REMEDIES[settings["remedy"]].title,
            "backend": backend,
            "horizon": steps(values(trial, laws.HORIZON, along="member"), settings["length"]),
            "first network": steps(values(trial, laws.HORIZON, along="member")[:1], settings["length"]),
            "trained": steps(values(trial, laws.HORIZON_TRAINED, along="member"), settings["length"]),
            "loss": round(value(trial, laws.LOSS), 4),
            "loss trained": round(value(trial, laws.LOSS_TRAINED), 4),
            **cost_of(trial),
        }
        for backend, settings, trial in trials(rows)
        if settings["training_steps"]
    ]
    if lines:
        taken = rows["training_steps"].max()
        yield Table(
            "What training does to the horizon, and what a step costs",
            f"Horizon in steps: the mean over networks at initialisation; the first network's, also after {taken:g} "
            'steps of Adam. "At least" stands where a gradient has not fallen so far at the start of the sequence. The '
            "loss is the first network's; chance is ln 4 = 1.3863. A step's time over plain tanh's is the median over "
            "rounds in which both were timed, with its 95% interval.",
            pd.DataFrame(lines),
        )


def steps(horizons: np.ndarray, length: int) -> str:
    """Return a mean horizon in words: 'at least' where one of them ends at the start of the sequence."""
    censored = "at least " if (horizons >= length - 1).any() else ""
    return f"{censored}{horizons.mean():.1f}"


def cost_of(trial: pd.DataFrame) -> dict[str, object]:
    """Return a step's seconds, its time over plain tanh's with the interval, and how many rounds were disturbed."""
    taken = cost(trial)
    if taken is None:
        return {}
    ratio = taken.ratio
    return {
        "seconds per step": float(f"{np.median(values(trial, laws.SECONDS)):.3g}"),
        "over plain tanh": f"{ratio.median:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]",
        "disturbed": f"{taken.rounds - taken.kept} of {taken.rounds}",
    }
