"""The gradient through the state by lag, over that at T: read from a flow, compared, and its half-life."""

import math

import numpy as np
from gradsuite.parameters import Parameters
from scipy.special import expit

from gradsuite_experiments.common.sweep import Flow
from gradsuite_experiments.gates.laws import smallest


def through_state(flow: Flow) -> np.ndarray:
    """Return the gradient by lag over that at T, (T, H): of the cell state where there is one."""
    states = flow.states if flow.cell_states is None else flow.cell_states
    return states[::-1, 0, 0] / states[-1, 0, 0]


def relative_error(ratios: np.ndarray, expected: np.ndarray, dtype: str) -> float:
    """Return the largest relative error, as far as the dtype has numbers so small, with room for the gradient at T."""
    present = expected > smallest(dtype)
    return float(abs(ratios[present] / expected[present] - 1.0).max())


def half_life(ratios: np.ndarray) -> float:
    """Return the lag at which half is left, its logarithm interpolated; NaN if more is left at the last one."""
    with np.errstate(divide="ignore"):  # what vanished
        fallen = -np.log(ratios)
    return float(np.interp(math.log(2.0), fallen, np.arange(len(ratios)), right=math.nan))


def output_error(flow: Flow, parameters: Parameters, inputs: np.ndarray) -> float:
    """Return the largest relative error of dL/dc_T over dL/dh_T in an LSTM without recurrent weights.

    It is o (1 - tanh(c_T)^2), with c_t = f c_(t-1) + i g and gates of the inputs (T, I) alone.
    """
    assert flow.cell_states is not None
    z = inputs @ parameters["weight_ih_l0"].T + parameters["bias_ih_l0"] + parameters["bias_hh_l0"]
    i, f, g, o = np.split(z, 4, axis=1)
    c = np.zeros(len(parameters["bias_ih_l0"]) // 4)
    for keep, add in zip(expit(f), expit(i) * np.tanh(g), strict=True):
        c = keep * c + add
    passed = flow.cell_states[-1, 0, 0] / flow.states[-1, 0, 0]
    return float(abs(passed / (expit(o[-1]) / np.cosh(c) ** 2) - 1.0).max())
