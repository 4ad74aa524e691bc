"""How far the loss curves of one training are apart: sentences."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from gradsuite_experiments.common.frames import by_backend, listed, spread, trials, value, values, where
from gradsuite_experiments.same_curve import laws


def sentences(rows: pd.DataFrame) -> Iterator[str]:
    """Yield the largest difference of each backend where nothing grows, and where and how fast chaos parts them."""
    stable = largest(where(rows, regime=laws.STABLE))
    if stable:
        parts = [f"{difference:.1g} ({backend})" for backend, difference in stable.items()]
        yield f"Below criticality, losses of one training are exact to {listed(parts)}."
    parted = {backend: apart(of_backend) for backend, of_backend in by_backend(where(rows, regime=laws.CHAOTIC))}
    known = [both for both in parted.values() if both[0]]
    if known:
        rates = spread([rate for _, of_backend in known for rate in of_backend], ".3g")
        grows = f"rounding grows by a factor of {rates} per step" if rates else "rounding grows"
        after = [f"{backend} after {spread(steps, 'd')} steps" for backend, (steps, _) in parted.items() if steps]
        yield f"Beyond criticality {grows}, until curves have nothing in common: {listed(after)}."


def largest(rows: pd.DataFrame) -> dict[str, float]:
    """Return each backend's largest difference over all steps of all trials."""
    return {
        backend: float(where(of_backend, metric=laws.DIFFERENCE)["value"].max())
        for backend, of_backend in by_backend(rows)
    }


def apart(rows: pd.DataFrame) -> tuple[list[int], list[float]]:
    """Return after how many steps one backend's curves are apart, for each that does not stay, and factors per step.

    A curve that is apart before a rate can be fitted has no factor.
    """
    steps, factors = list[int](), list[float]()
    for _, _, of_trial in trials(rows):
        beyond = np.flatnonzero(values(of_trial, laws.DIFFERENCE) > laws.APART)
        if beyond.size:
            steps.append(int(beyond[0]))
            factors.append(float(np.exp(value(of_trial, laws.RATE))))
    return steps, [factor for factor in factors if np.isfinite(factor)]
