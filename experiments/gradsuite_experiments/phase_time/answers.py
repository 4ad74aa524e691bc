"""The critical gain of tanh networks, in a sentence."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from gradsuite.experiment import Answer
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import levels, listed, members, trials, where
from gradsuite_experiments.phase_time.laws import crossing


def answers(rows: pd.DataFrame) -> Iterator[Answer]:
    """Yield at which gain a driven network turns, by the variance of its noise: in the median over backends."""
    parts = []
    for noise in levels(rows, "noise"):
        gains = [crossing(members(trial)) for _, _, trial in trials(where(rows, noise=noise))]
        if np.isfinite(gains).any():
            parts.append(f"{np.nanmedian(gains):.3g} (variance {noise:g})")
    if parts:
        yield Answer(Topic.FLOW, f"Driven by noise, a plain tanh network turns at gain {listed(parts)}.")
