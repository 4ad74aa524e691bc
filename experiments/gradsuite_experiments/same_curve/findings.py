"""How far the loss curves of one training are apart: sentences."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from gradsuite_experiments.common.frames import by_backend, listed, trials, value, values, where
from gradsuite_experiments.same_curve import laws


def sentences(rows: pd.DataFrame) -> Iterator[str]:
    """Yield the largest difference of each backend where nothing grows, and where and how fast chaos parts them."""
    stable = largest(where(rows, regime=laws.STABLE))
    if stable:
        parts = [f"{difference:.1g} ({backend})" for backend, difference in stable.items()]
        yield f"Below criticality, losses of one training are exact to {listed(parts)}."
    parted = [part for part in map(apart, trials(where(rows, regime=laws.CHAOTIC))) if part]
    if parted:
        yield f"Beyond criticality rounding grows until curves have nothing in common: {'; '.join(parted)}."


def largest(rows: pd.DataFrame) -> dict[str, float]:
    """Return each backend's largest difference over all steps of all trials."""
    return {
        backend: float(where(of_backend, metric=laws.DIFFERENCE)["value"].max())
        for backend, of_backend in by_backend(rows)
    }


def apart(trial: "tuple[str, pd.Series[Any], pd.DataFrame]") -> str:
    """Return after how many steps one trial's curve is apart, and the rate; nothing for one that stays."""
    backend, _, of_trial = trial
    steps = np.flatnonzero(values(of_trial, laws.DIFFERENCE) > laws.APART)
    if not steps.size:
        return ""
    return f"{backend} after {steps[0]} steps, by a factor of {np.exp(value(of_trial, laws.RATE)):.2f} per step"
