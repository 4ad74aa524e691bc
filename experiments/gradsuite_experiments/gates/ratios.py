"""The gradient through the state by lag, over that at T: read from a flow, compared, and its half-life."""

import math

import numpy as np

from gradsuite_experiments.common.sweep import Flow


def through_state(flow: Flow) -> np.ndarray:
    """Return the gradient by lag over that at T, (T, H): of the cell state where there is one."""
    states = flow.states if flow.cell_states is None else flow.cell_states
    return states[::-1, 0, 0] / states[-1, 0, 0]


def relative_error(ratios: np.ndarray, expected: np.ndarray, dtype: str) -> float:
    """Return the largest relative error, as far as the dtype has numbers so small, with room for the gradient at T."""
    present = expected > 1e6 * np.finfo(dtype).tiny
    return float(abs(ratios[present] / expected[present] - 1.0).max())


def half_life(ratios: np.ndarray) -> float:
    """Return the lag at which half is left, its logarithm interpolated; NaN if more is left at the last one."""
    with np.errstate(divide="ignore"):  # what vanished
        fallen = -np.log(ratios)
    return float(np.interp(math.log(2.0), fallen, np.arange(len(ratios)), right=math.nan))
