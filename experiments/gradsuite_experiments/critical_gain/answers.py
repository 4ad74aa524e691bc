"""The critical gains of gated cells, in a sentence."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from gradsuite.experiment import Answer
from gradsuite.parameters import KEEP_GATE
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import listed, trials, values
from gradsuite_experiments.critical_gain.laws import RADIUS, crossing, fixed_point


def answers(rows: pd.DataFrame) -> Iterator[Answer]:
    """Yield at which gain each cell turns, by its forget bias: measured, in the median over backends."""
    found: dict[str, dict[float, list[float]]] = {}
    for _, at, trial in trials(rows):
        gain = fixed_point(at).critical * crossing(values(trial, RADIUS, along="member"))
        found.setdefault(at["cell"], {}).setdefault(at["forget_bias"], []).append(gain)
    parts = [
        f"{cell} at {listed([f'{np.median(gains):.3g} (forget bias {bias:g})' for bias, gains in found[cell].items()])}"
        for cell in KEEP_GATE
        if cell in found
    ]
    if parts:
        turns = "Without input, gradients turn from vanishing to exploding at a critical gain"
        yield Answer(Topic.FLOW, f"{turns}: {'; '.join(parts)}.")
